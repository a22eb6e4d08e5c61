"""Derivatives in NumPy."""
