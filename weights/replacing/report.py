"""The report of `replace_convolutions`: convolutions replaced, and convolutions left."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import TypeVar

from weights.arithmetic import Pair, kernel_shape
from weights.modules.ghost_conv import GhostConvConfig

Module = TypeVar("Module")
# Before and after.
Seconds = tuple[float, float]

# How the report names the model itself.
WHOLE = "(the model)"


@dataclass(frozen=True)
class Replacement:
    """A convolution that became a GhostConv; `aliases` are other places of the same module.

    `seconds` are what both took, before and after, where they were timed; `error` is that of the
    outputs, relative to the convolution's, where its weights were kept.

    >>> print(Replacement("stem", GhostConvConfig(3, 16, 3), notes=("its bias is gone",)))
    3 to 16 channels, kernel 3x3, 432 weights now 288; its bias is gone
    >>> print(Replacement("stem", GhostConvConfig(3, 16, 3), seconds=(2.2e-4, 1.7e-4), error=0.2))
    3 to 16 channels, kernel 3x3, 432 weights now 288, 0.22 ms now 0.17, relative error 0.20
    """

    path: str
    config: GhostConvConfig
    aliases: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: Seconds | None = None
    error: float | None = None

    @property
    def weights(self) -> Pair:
        """Numbers in the kernels before and after; multiply-accumulates have the same ratio."""
        return kernel_weights(self.config)

    def __str__(self) -> str:
        config, (before, after) = self.config, self.weights
        kernel = "x".join(map(str, config.kernel_size))
        shape = f"{config.c_in} to {config.c_out} channels, kernel {kernel}"
        facts = [shape, f"{before:,} weights now {after:,}"]
        if self.seconds:
            facts.append("{} ms now {}".format(*in_milliseconds(self.seconds)))
        if self.error is not None:
            facts.append(f"relative error {self.error:.2f}")
        return "; ".join([", ".join(facts), *_also_at(self.aliases), *self.notes])


@dataclass(frozen=True)
class Kept:
    """A convolution that stayed, and why; `aliases` are other places of the same module.

    `seconds` are what it takes and what a GhostConv would, where both were timed.
    """

    path: str
    reason: str
    aliases: tuple[str, ...] = ()
    seconds: Seconds | None = None

    def __str__(self) -> str:
        return "; ".join([self.reason, *_also_at(self.aliases)])


@dataclass(frozen=True, repr=False)
class ReplacementReport:
    """Every convolution of a model, replaced or kept; prints as a table.

    >>> stem = Replacement("stem", GhostConvConfig(3, 16, 3))
    >>> ReplacementReport((stem,), (Kept("head.0", "excluded"),))
    1 convolution replaced (432 weights now 288), 1 left
      replaced  stem    3 to 16 channels, kernel 3x3, 432 weights now 288
      left      head.0  excluded
    """

    replaced: tuple[Replacement, ...]
    kept: tuple[Kept, ...]

    @property
    def weights(self) -> Pair:
        """Numbers in the kernels of what was replaced, before and after."""
        before, after = (sum(each.weights[i] for each in self.replaced) for i in (0, 1))
        return before, after

    def replaced_among(self, modules: Mapping[str, Module]) -> dict[str, Module]:
        """Of modules by path, those that are replaced."""
        return {each.path: modules[each.path] for each in self.replaced}

    def __str__(self) -> str:
        return "\n".join(self._lines())

    __repr__ = __str__

    def _lines(self) -> Iterator[str]:
        count, (before, after) = len(self.replaced), self.weights
        sizes = f" ({before:,} weights now {after:,})" if count else ""
        yield f"{count} convolution{'s' * (count != 1)} replaced{sizes}, {len(self.kept)} left"
        rows = [("replaced", each.path, str(each)) for each in self.replaced]
        rows += [("left", each.path or WHOLE, str(each)) for each in self.kept]
        width = max((len(path) for _, path, _ in rows), default=0)
        yield from (f"  {outcome:<8}  {path:<{width}}  {text}" for outcome, path, text in rows)


def kernel_weights(config: GhostConvConfig) -> Pair:
    """Numbers in the kernel of the plain convolution, and in those of the GhostConv.

    >>> kernel_weights(GhostConvConfig(16, 32, 3))
    (4608, 2448)
    """
    plain = kernel_shape(config.c_in, config.c_out, config.kernel_size, config.groups)
    halves = [half.kernel_shape for half in (config.primary, config.cheap) if half]
    return prod(plain), sum(map(prod, halves))


def in_milliseconds(seconds: Seconds) -> list[str]:
    """Both times to two digits that count.

    >>> in_milliseconds((0.000314, 0.0127)), in_milliseconds((0.31, 2.5))
    (['0.31', '13'], ['310', '2500'])
    """
    numbers = (each * 1000 for each in seconds)
    return [f"{number:.2g}" if number < 100 else f"{round(number, -1):.0f}" for number in numbers]


def _also_at(aliases: tuple[str, ...]) -> list[str]:
    return [f"also at {', '.join(aliases)}"] if aliases else []
