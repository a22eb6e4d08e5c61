"""The causes of failures: failures that look alike, and what their cases alone have in common.

Failures of an implementation look alike where they share a part of their hints, or without hints
the message in tiers of one kind, numbers and quotations left aside. What explains a layer's failure
is looked for with a few kinds of data, and is that of its failures with others as well. The traits
of such failures (those of `conformance.cases.traits`) are had by all of their cases and by next to
no case that passed, with any data or with data that failed somewhere: zeros pass whatever is wrong.
Traits count only where that is no chance, and other failures that have them belong to the same
cause. Where nearly every case fails, what else is wrong cannot be told: these failures have one
cause.
"""

from conformance.reports.causes.causes import Cause, find_causes, first_failures

__all__ = ["Cause", "find_causes", "first_failures"]
