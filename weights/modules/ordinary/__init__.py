"""Ordinary layers of a user's network: their arguments and tensors, as PyTorch has them."""
