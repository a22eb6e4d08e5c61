"""The layouts of other projects: how their tensors are named, and which network that is."""
