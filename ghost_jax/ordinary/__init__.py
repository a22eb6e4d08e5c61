"""Ordinary layers and the networks that users make: what they are, and where tensors stand."""
