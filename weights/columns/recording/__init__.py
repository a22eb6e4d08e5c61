"""What all frameworks share of recording the calls of the modules in a user's network."""
