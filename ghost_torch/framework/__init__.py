"""What this framework alone asks of its modules."""
