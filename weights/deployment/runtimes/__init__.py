"""A file for each runtime: how its artefacts are read, and run."""
