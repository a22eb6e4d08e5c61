"""Many labelled images through networks: how many are right, and on which they differ."""
