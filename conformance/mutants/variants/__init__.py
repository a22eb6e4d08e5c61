"""Correct variants: implementations that compute in another way, which no tier may fail."""

from conformance.mutants.variants.table import INVISIBLE, VARIANTS

__all__ = ["INVISIBLE", "VARIANTS"]
