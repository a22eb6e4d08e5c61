"""The judgement of an int8 artefact: classes, against those of the same network in float."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weights.deployment.quantising.samples import Samples

# Percentage points of accuracy, or of predictions that changed where no label is known.
MOST_LOST = 1.0


@dataclass(frozen=True)
class Verdict:
    """What int8 costs on images.

    Args:
        images: how many were judged.
        changed: how many have another class than in float.
        error: root mean square of the difference of the logits, by that of the logits in float.
        correct: how many are right in float and in int8; None where no label is known.
        most_lost: the percentage points that may be lost.
    """

    images: int
    changed: int
    error: float
    correct: tuple[int, int] | None = None
    most_lost: float = MOST_LOST

    @property
    def lost(self) -> float:
        """Percentage points of accuracy, or of predictions that changed where none is labelled."""
        count = self.changed if self.correct is None else self.correct[0] - self.correct[1]
        return 100 * count / self.images

    @property
    def passed(self) -> bool:
        """Whether no more is lost than may be."""
        return self.lost <= self.most_lost and bool(np.isfinite(self.error))

    def __str__(self) -> str:
        agreeing = f"{self.images - self.changed} of {self.images} predictions as in float"
        accuracy = ""
        if self.correct is not None:
            before, after = (100 * count / self.images for count in self.correct)
            accuracy = f"accuracy {before:.2f} % in float, {after:.2f} % in int8; "
        return (
            f"{accuracy}{agreeing}; logits differ by {self.error:.2g} of their size; lost "
            f"{self.lost:.2f} percentage points of {self.most_lost:g} allowed"
        )


@dataclass(frozen=True)
class Damage:
    """What one stage costs: it alone in int8, all others in float."""

    stage: str
    error: float
    changed: int

    def __str__(self) -> str:
        return f"{self.stage}: error {self.error:.2g}, {self.changed} predictions changed"


def judge(exact: np.ndarray, made: np.ndarray, samples: Samples, most_lost: float) -> Verdict:
    """Judge logits (N, classes) in int8 by those in float.

    >>> samples = Samples(np.zeros((2, 1, 1, 1), np.float32), np.array([0, 1]))
    >>> judge(np.eye(2), np.array([[1.0, 0.0], [1.0, 0.0]]), samples, 1.0).lost
    50.0
    """
    before, after = exact.argmax(1), made.argmax(1)
    correct = None
    if samples.labels is not None:
        correct = int((before == samples.labels).sum()), int((after == samples.labels).sum())
    return Verdict(
        len(samples), int((before != after).sum()), relative_error(exact, made), correct, most_lost
    )


def relative_error(exact: np.ndarray, made: np.ndarray) -> float:
    """Return the root mean square of the difference, by that of the exact logits."""
    size = float(np.sqrt(np.square(exact, dtype=np.float64).mean()))
    difference = float(np.sqrt(np.square(made - exact, dtype=np.float64).mean()))
    return difference / size if size else difference
