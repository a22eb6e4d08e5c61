"""Mechanisms that Flax alone needs."""
