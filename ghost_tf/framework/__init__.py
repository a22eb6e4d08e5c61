"""Mechanisms that Keras alone needs."""
