"""Artefacts in int8, by each runtime's own quantiser, with a verdict on what that costs."""
