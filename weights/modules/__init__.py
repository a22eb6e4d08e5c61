"""The configurations of layers and blocks: arguments checked, channels divided, tensors named."""
