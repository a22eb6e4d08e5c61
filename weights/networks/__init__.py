"""The configurations of networks, the table of all architectures, and their counts."""
