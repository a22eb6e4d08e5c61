"""The conformance suite: a NumPy float64 oracle, cases, a runner and reports.

It imports an implementation only by name, when a run asks for it, in a process of its own.
"""

from conformance.cases.case import Case
from conformance.implementations.errors import NotSupported
from conformance.judging.verdict import Outcome, Status, Verdict, Worst
from weights.version import __version__ as __version__

__all__ = ["Case", "NotSupported", "Outcome", "Status", "Verdict", "Worst"]
