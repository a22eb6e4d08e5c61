"""The usual mistakes of a port, made in modules of the oracle: of them are hints and mutants."""

from conformance.faults.changes import Change
from conformance.faults.fault import Fault
from conformance.faults.ghost_conv import GHOST_CONV_FAULTS
from conformance.faults.layers import LAYER_FAULTS
from conformance.faults.statistics import STATISTICS_FAULTS

FAULTS = (*LAYER_FAULTS, *GHOST_CONV_FAULTS, *STATISTICS_FAULTS)

__all__ = ["FAULTS", "Change", "Fault"]
