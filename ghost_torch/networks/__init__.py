"""Whole networks of ghost modules."""
