"""How fast the layers and networks are, beside what anyone would write in each framework."""
