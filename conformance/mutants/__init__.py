"""Deliberate defects, and correct variants: what proves that the suite sees and that it is fair."""

from conformance.mutants.family import FAMILY_MUTANTS
from conformance.mutants.ghost_conv import HALF_MUTANTS
from conformance.mutants.layers import LAYER_MUTANTS
from conformance.mutants.mutant import Mutant
from conformance.mutants.torch_modules import FRAMEWORK, MODULE_MUTANTS
from conformance.mutants.training import STEP_MUTANTS

MUTANTS: tuple[Mutant, ...] = (*LAYER_MUTANTS, *HALF_MUTANTS, *STEP_MUTANTS, *FAMILY_MUTANTS)

__all__ = ["FRAMEWORK", "MODULE_MUTANTS", "MUTANTS", "Mutant"]
