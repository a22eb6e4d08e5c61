"""Archives that would grow beyond measure when they are read."""

from __future__ import annotations

from pathlib import Path

from weights.errors import ImportRefused
from weights.storage import PathLike

# Trained weights shrink by a tenth; zeros of a few layers may shrink to nothing.
FACTOR, CONSTANT = 16, 64 << 20


def check_expansion(path: PathLike, expanded: int) -> None:
    """Raise `ImportRefused` where a file says that it holds many times its own size."""
    limit = FACTOR * Path(path).stat().st_size + CONSTANT
    if expanded > limit:
        raise ImportRefused(
            f"{path} would take {expanded} bytes of memory, more than {limit}: an archive of "
            "weights does not grow so much; if it is yours, save it without compression"
        )
