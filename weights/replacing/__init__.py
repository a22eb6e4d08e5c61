"""Which convolutions of a network a ghost module can replace, and what that saves."""
