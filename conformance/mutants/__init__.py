"""Deliberate defects, and correct variants: the proof that the suite sees and that it is fair."""

from itertools import chain

from conformance.faults import FAULTS
from conformance.mutants.defects.attention import ATTENTION_MUTANTS
from conformance.mutants.defects.family import FAMILY_MUTANTS
from conformance.mutants.defects.files import FILE_MUTANTS
from conformance.mutants.defects.ghost_conv import GHOST_CONV_MUTANTS
from conformance.mutants.defects.gradients import GRADIENT_MUTANTS
from conformance.mutants.defects.layers import LAYER_MUTANTS
from conformance.mutants.defects.limits import LIMIT_MUTANTS
from conformance.mutants.defects.loading import LOADING_MUTANTS
from conformance.mutants.defects.rep_ghost import REP_GHOST_MUTANTS
from conformance.mutants.defects.replicas import REPLICA_MUTANTS
from conformance.mutants.defects.sequences import SEQUENCE_MUTANTS
from conformance.mutants.defects.statistics import STATISTICS_MUTANTS
from conformance.mutants.defects.torch_modules import FRAMEWORK, TORCH_MUTANTS
from conformance.mutants.defects.values import VALUE_MUTANTS
from conformance.mutants.mutant import Mutant

TABLES: tuple[tuple[Mutant, ...], ...] = (
    tuple(map(Mutant.of, FAULTS)),
    LAYER_MUTANTS,
    LIMIT_MUTANTS,
    VALUE_MUTANTS,
    GHOST_CONV_MUTANTS,
    SEQUENCE_MUTANTS,
    STATISTICS_MUTANTS,
    GRADIENT_MUTANTS,
    REPLICA_MUTANTS,
    ATTENTION_MUTANTS,
    FAMILY_MUTANTS,
    REP_GHOST_MUTANTS,
    FILE_MUTANTS,
    LOADING_MUTANTS,
)
MUTANTS = tuple(chain.from_iterable(TABLES))

__all__ = ["FRAMEWORK", "MUTANTS", "TABLES", "TORCH_MUTANTS", "Mutant"]
