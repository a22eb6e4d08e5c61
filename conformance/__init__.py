"""The conformance suite: a NumPy float64 oracle, cases, a runner and reports.

It imports an implementation only by name, when a run asks for it, in a process of its own. It
imports neither NumPy nor `weights` itself: pytest imports it in every session, for its plug-in.
"""

from conformance.cases.case import Case
from conformance.implementations.errors import NotSupported
from conformance.judging.verdict import Outcome, Status, Verdict, Worst

__all__ = ["Case", "NotSupported", "Outcome", "Status", "Verdict", "Worst"]


def __getattr__(name: str) -> str:
    """The version, which stands in `weights`, when it is asked for."""
    if name != "__version__":
        raise AttributeError(f"module 'conformance' has no attribute {name!r}")
    from weights.version import __version__

    return __version__
