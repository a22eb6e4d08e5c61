"""The code that all framework packages share, over the operations of each framework."""
