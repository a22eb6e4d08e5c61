"""What networks say of labelled images: kept per image, counted, compared image by image."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from weights.errors import GhostError

TOP = 5


@dataclass(frozen=True)
class Said:
    """What a network says of an image: its likeliest classes, and by how much the first leads.

    `margin` is the difference between the two largest logits.
    """

    best: tuple[int, ...]
    margin: float


@dataclass(frozen=True)
class Difference:
    """An image of which networks say different classes, with what each says."""

    image: str
    index: int
    label: int
    said: Mapping[str, Said]


@dataclass(frozen=True)
class Evaluation:
    """How networks do on labelled images.

    Args:
        labels: (N,) the class of each image.
        best: by network, (N, up to 5) the likeliest classes of each image, the likeliest first.
        margins: by network, (N,) the difference between the two largest logits.
        names: what each image is called.
        classes: how many classes there are.
    """

    labels: np.ndarray = field(repr=False)
    best: Mapping[str, np.ndarray] = field(repr=False)
    margins: Mapping[str, np.ndarray] = field(repr=False)
    names: Sequence[str] = field(repr=False)
    classes: int

    def right(self, network: str, top: int = 1) -> int:
        """How many images have their class among the `top` likeliest."""
        return int((self.best[network][:, :top] == self.labels[:, None]).any(axis=1).sum())

    def confusion(self, network: str) -> np.ndarray:
        """Images by their class (rows) and by what the network says (columns)."""
        counts = np.zeros((self.classes, self.classes), np.int64)
        np.add.at(counts, (self.labels, self.best[network][:, 0]), 1)
        return counts

    def agreement(self) -> dict[tuple[str, str], int]:
        """Of how many images each two networks say the same class."""
        first = {network: best[:, 0] for network, best in self.best.items()}
        return {(a, b): int((first[a] == first[b]).sum()) for a, b in combinations(first, 2)}

    def differences(self) -> Iterator[Difference]:
        """The images of which not all networks say the same class."""
        first = np.stack([best[:, 0] for best in self.best.values()])
        for index in np.flatnonzero((first != first[0]).any(axis=0)).tolist():
            said = {
                network: Said(tuple(best[index].tolist()), float(self.margins[network][index]))
                for network, best in self.best.items()
            }
            yield Difference(self.names[index], index, int(self.labels[index]), said)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON writes it."""
        count = len(self.labels)
        networks = {
            network: {
                "top1": self.right(network),
                "top5": self.right(network, TOP),
                "confusion": self.confusion(network).tolist(),
            }
            for network in self.best
        }
        agreement = [{"networks": pair, "same": n} for pair, n in self.agreement().items()]
        differences = [
            {
                "image": each.image,
                "label": each.label,
                "said": {
                    network: {"best": list(said.best), "margin": said.margin}
                    for network, said in each.said.items()
                },
            }
            for each in self.differences()
        ]
        return {
            "images": count,
            "networks": networks,
            "agreement": agreement,
            "differences": differences,
        }


def score(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest classes (N, up to 5) of logits (N, classes), and the margins (N,).

    Raises `GhostError` for logits that are not finite.

    >>> best, margins = score(np.array([[0.0, 3.0, 1.0]]))
    >>> best.tolist(), margins.tolist()
    ([[1, 2, 0]], [2.0])
    """
    if not np.isfinite(logits).all():
        raise GhostError("the logits must be finite, got others: see `ghost-weights verify`")
    order = np.argsort(-logits, axis=1, kind="stable")[:, :TOP]
    sorted_logits = np.take_along_axis(logits, order, axis=1).astype(np.float64)
    alone = logits.shape[1] == 1
    margins = np.zeros(len(logits)) if alone else sorted_logits[:, 0] - sorted_logits[:, 1]
    return order, margins
