"""Recording what the modules of a user's network read and return."""
