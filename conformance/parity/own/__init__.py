"""Users' own networks, run in several frameworks and held against each other module by module."""
