"""Modules as artefacts for runtimes."""
