"""Mechanisms that PyTorch alone needs."""
