"""Canonical tensors in the files of NumPy, Keras, Flax and Orbax."""
