"""The published networks held against recorded outputs and against each other."""
