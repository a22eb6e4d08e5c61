"""Least squares of one group: a primary channel and the ghosts that are made of it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from weights.arithmetic import same_padding

# The filters of both halves are improved in turn: so often, or until a turn gains less than this.
TURNS, LEAST_GAIN = 20, 1e-3
# Eigenvalues below this part of the largest are rounding errors.
RCOND = 1e-12

Activate = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Half:
    """Channels of one half: kernels (O, I, kh, kw), and what is added after those.

    `mean` and `variance` are those of the outputs.
    """

    kernel: np.ndarray
    constant: np.ndarray
    mean: np.ndarray
    variance: np.ndarray

    def tensors(self, prefix: str, eps: float) -> dict[str, np.ndarray]:
        """The tensors, of a batch normalisation that changes nothing but for the constant.

        Its statistics are those of its input, so that it changes as little in training.
        """
        return {
            f"{prefix}.0.weight": self.kernel,
            f"{prefix}.1.weight": np.sqrt(self.variance + eps),
            f"{prefix}.1.bias": self.mean,
            f"{prefix}.1.running_mean": self.mean - self.constant,
            f"{prefix}.1.running_var": self.variance,
        }


@dataclass(frozen=True)
class Filters:
    """Filters of a group, and the sum of squares that they miss.

    `mix` (1 + ghosts + 1) makes the primary filter of the convolution's own and of the constant 1,
    `cheap` (taps + 1, ghosts) makes the ghosts of the primary map and of the constant 1, `outputs`
    are both as they come out.
    """

    mix: np.ndarray
    cheap: np.ndarray
    outputs: np.ndarray
    residue: float


@dataclass(frozen=True)
class Group:
    """The maps (1 + ghosts, N, H, W) of a primary channel and of its ghosts, wanted and made.

    `made` are those of the convolution's own filters. Maps of white noise have the mean 0, so that
    no constant helps: the map of 1 is 0 then. The cheap half, with kernels of `size`, reads
    `activate(primary map)`.
    """

    wanted: np.ndarray
    made: np.ndarray
    size: int
    is_noise: bool
    activate: Activate | None = None

    def filters(self) -> Filters:
        """The best filters that are found from the convolution's own as the primary one.

        That one stays for noise, which tells least of how images would repay another, and before an
        activation.
        """
        best = self._with_cheap(np.eye(len(self.basis))[0])
        if self.is_noise:
            return self._as_strong(best)
        for _ in range(0 if self.activate else TURNS):
            better = self._with_cheap(self._mix(best.cheap))
            if better.residue >= (1 - LEAST_GAIN) * best.residue:
                break
            best = better
        return best

    def halves(
        self, filters: Filters, kernel: np.ndarray, bias: np.ndarray, means: np.ndarray
    ) -> tuple[Half, Half]:
        """Both halves, where the convolution has these kernels and biases.

        `means` are those of the convolution's outputs, which noise does not tell.
        """
        outputs, taps = filters.outputs, filters.cheap[:-1].T
        constants = np.array([filters.mix @ [*bias, 1.0], *filters.cheap[-1]])
        if self.is_noise:
            constants[1:] = means[1:] - taps.sum(1) * means[0]
            variances = np.sum(outputs**2, (1, 2, 3))
        else:
            means, variances = outputs.mean((1, 2, 3)), outputs.var((1, 2, 3))
        primary = np.tensordot(filters.mix[:-1], kernel, 1)[None]
        cheap = taps.reshape(-1, 1, self.size, self.size)
        return (
            Half(primary, constants[:1], means[:1], variances[:1]),
            Half(cheap, constants[1:], means[1:], variances[1:]),
        )

    @cached_property
    def basis(self) -> np.ndarray:
        """The maps of the convolution's filters and of the constant 1."""
        return np.concatenate([self.made, self._one])

    @property
    def _one(self) -> np.ndarray:
        return np.full_like(self.made[:1], not self.is_noise)

    def _columns(self, primary: np.ndarray) -> np.ndarray:
        """What the ghosts are sums of: (taps + 1, N, H, W)."""
        read = self.activate(primary) if self.activate else primary
        return np.concatenate([shifted(read, self.size), self._one])

    def _with_cheap(self, mix: np.ndarray) -> Filters:
        """The best cheap filters for that primary one."""
        primary = np.tensordot(mix, self.basis, 1)
        columns = self._columns(primary)
        cheap = least_squares(columns, self.wanted[1:])
        outputs = np.concatenate([primary[None], np.tensordot(cheap.T, columns, 1)])
        return Filters(mix, cheap, outputs, float(np.sum((self.wanted - outputs) ** 2)))

    def _as_strong(self, filters: Filters) -> Filters:
        """The filters with ghosts as strong as those that are wanted.

        Least squares shrink what they cannot make, and what reads the ghosts, a normalisation with
        statistics of its own, was trained on the convolution's.
        """
        wanted, made = (np.sum(each[1:] ** 2, (1, 2, 3)) for each in (self.wanted, filters.outputs))
        factors = np.sqrt(np.divide(wanted, made, out=np.ones_like(made), where=made > 0))
        outputs = filters.outputs.copy()
        outputs[1:] *= factors[:, None, None, None]
        residue = float(np.sum((self.wanted - outputs) ** 2))
        return Filters(filters.mix, filters.cheap * factors, outputs, residue)

    def _mix(self, cheap: np.ndarray) -> np.ndarray:
        """The best primary filter for those cheap ones."""
        ghosts = [np.tensordot(cheap[:-1].T, shifted(each, self.size), 1) for each in self.basis]
        columns = np.concatenate([self.basis[:, None], np.stack(ghosts)], 1)
        wanted = self.wanted.copy()
        wanted[1:] -= cheap[-1][:, None, None, None] * self._one
        return least_squares(columns, wanted[None])[:, 0]


def shifted(maps: np.ndarray, size: int) -> np.ndarray:
    """What each tap of a kernel of that size reads: (N, H, W) to (size * size, N, H, W)."""
    margin = same_padding(size)
    padded = np.pad(maps, ((0, 0), (margin, margin), (margin, margin)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, maps.shape[1:], (1, 2))
    return np.moveaxis(windows, 0, 2).reshape(size * size, *maps.shape)


def least_squares(columns: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """How much of each column, best and least, makes each that is wanted: (columns, wanted)."""
    a, b = columns.reshape(len(columns), -1), wanted.reshape(len(wanted), -1)
    return np.linalg.pinv(a @ a.T, RCOND, hermitian=True) @ (a @ b.T)
