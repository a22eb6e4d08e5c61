"""Speed and memory of the layers and networks, beside plain code in each framework."""
