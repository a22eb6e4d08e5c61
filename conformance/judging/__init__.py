"""References, the error allowed to a result, and verdicts."""
