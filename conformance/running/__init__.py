"""A run: cases one after another, its journal, its known deviations."""
