"""Artefacts for the runtimes of other people: written, proved, read back, verified."""
