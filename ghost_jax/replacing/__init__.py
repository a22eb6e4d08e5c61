"""Ghost modules in place of the convolutions of a finished network."""
