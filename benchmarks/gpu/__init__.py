"""Networks and layers on an NVIDIA GPU: `python -m benchmarks.gpu`."""
