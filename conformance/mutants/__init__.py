"""Deliberate defects, and correct variants: the proof that the suite sees and that it is fair."""

from conformance.mutants.family import FAMILY_MUTANTS
from conformance.mutants.ghost_conv import GHOST_CONV_MUTANTS
from conformance.mutants.layers import LAYER_MUTANTS
from conformance.mutants.mutant import Mutant
from conformance.mutants.torch_modules import FRAMEWORK, TORCH_MUTANTS
from conformance.mutants.training import TRAINING_MUTANTS

MUTANTS: tuple[Mutant, ...] = (
    *LAYER_MUTANTS,
    *GHOST_CONV_MUTANTS,
    *TRAINING_MUTANTS,
    *FAMILY_MUTANTS,
)

__all__ = ["FRAMEWORK", "MUTANTS", "TORCH_MUTANTS", "Mutant"]
