"""What the plots of a benchmark have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

COLOURS = {"numpy": "#404040", "torch": "#c2410c", "jax": "#1d4ed8", "tf": "#15803d"}


def pyplot() -> Any:
    """Matplotlib without a window, imported once something is plotted."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    return pyplot


def save(figure: Any, folder: Path, name: str, dpi: int) -> None:
    """Write a figure as PNG and SVG, and free it."""
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"{name}.{suffix}", dpi=dpi)
    pyplot().close(figure)
