"""The layers that are measured on a GPU, and how their times are shown."""

from __future__ import annotations

# Channels in, channels out, rows and columns of a 1x1 layer.
LAYERS = ((32, 64, 56), (128, 128, 28), (256, 256, 14))


def show(title: str, times: dict[str, tuple[float, float]]) -> None:
    """One line for each candidate: milliseconds, and half the distance of their quartiles."""
    print(title)
    for name, (time, half) in times.items():
        print(f"  {name:30} {time:8.4f} ms +- {half:.4f}", flush=True)
