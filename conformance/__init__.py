"""The conformance suite: a NumPy float64 oracle, cases, a runner and reports.

It imports an implementation only by name, when a run asks for it, in a process of its own.
"""

from conformance.case import Case
from conformance.errors import NotSupported
from conformance.verdict import Outcome, Status, Verdict, Worst

__all__ = ["Case", "NotSupported", "Outcome", "Status", "Verdict", "Worst"]
