"""What is measured of each replacement before it is made, and the weights that it starts from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from weights.columns.column import Column
from weights.errors import ArgumentError
from weights.replacing import reasons, timing
from weights.replacing.fitting import fit
from weights.replacing.report import Kept, Replacement, ReplacementReport, Seconds, in_milliseconds
from weights.replacing.rules import Keep
from weights.tensors import CONVOLUTION, CONVOLUTION_BIAS, TensorSpec
from weights.text import brief

IDENTITY = "identity"
# Positions of a map that least squares look at: more tell little more.
POSITIONS = 2**14


class Measuring(Protocol):
    """The module `replacing.measuring` of a framework's package."""

    def inputs(
        self, model: Any, convolutions: Mapping[str, Any], example: Any, /
    ) -> dict[str, list[Any]]:
        """What each convolution is given, by its path, when the model runs on the example."""

    def timed(self, module: Any, inputs: Sequence[Any], /) -> timing.Run:
        """A call of a convolution or GhostConv in inference on these inputs."""

    def outputs(self, conv: Any, x: Any, /) -> np.ndarray:
        """The convolution's output without its activation: (N, C, H, W), in float64."""

    def activated(self, name: str, x: np.ndarray, /) -> np.ndarray:
        """The activation of that name, of an array in float64."""

    def variables(self, conv: Any, /) -> tuple[Any, Any]:
        """Kernel and bias; `None` where there is no bias."""


@dataclass(frozen=True)
class Trials:
    """How replacements are tried: on `inputs`, by path, where an example gave some.

    With `keep` each GhostConv starts from the convolution that it replaces.
    """

    framework: Column[Any, Any, Any]
    measuring: Measuring
    inputs: Mapping[str, Sequence[Any]] | None
    keep: Keep | None

    def report(
        self, report: ReplacementReport, modules: Mapping[str, Any], ghosts: dict[int, Any]
    ) -> ReplacementReport:
        """The report on what pays; all else is taken out of `ghosts`, by the old one's identity."""
        seconds = timing.SECONDS / max(1, len(report.replaced))
        replaced, kept = [], list(report.kept)
        for each in report.replaced:
            conv = modules[each.path]
            tried = self._tried(each, conv, ghosts[id(conv)], seconds)
            if isinstance(tried, Replacement):
                replaced.append(tried)
            else:
                kept.append(tried)
                del ghosts[id(conv)]
        order = list(modules)
        kept.sort(key=lambda each: order.index(each.path))
        return ReplacementReport(tuple(replaced), tuple(kept))

    def _tried(
        self, each: Replacement, conv: Any, ghost: Any, seconds: float
    ) -> Replacement | Kept:
        try:
            if self.inputs is not None:
                times = self._times(each.path, conv, ghost, seconds)
                if times[1] > timing.ALLOWED * times[0]:
                    before, after = in_milliseconds(times)
                    slower = reasons.SLOWER.format(after, before)
                    return Kept(each.path, slower, each.aliases, times)
                each = replace(each, seconds=times)
            return self._fitted(each, conv, ghost) if self.keep else each
        except ArgumentError as reason:
            return Kept(each.path, str(reason), each.aliases)

    def _times(self, path: str, conv: Any, ghost: Any, seconds: float) -> Seconds:
        inputs = self.inputs[path] if self.inputs else ()
        if not inputs:
            raise ArgumentError(reasons.UNREACHED)
        runs = [self.measuring.timed(module, inputs) for module in (conv, ghost)]
        before, after = timing.medians(runs, seconds)
        return before, after

    def _fitted(self, each: Replacement, conv: Any, ghost: Any) -> Replacement:
        """The replacement, once its GhostConv computes most nearly what the convolution does."""
        act, fresh = each.config.activation, self.framework.state(ghost)
        kernel, bias = self._parameters(conv)
        outputs = self._outputs(each.path, conv)
        own = None if act == IDENTITY or outputs is None else partial(self.measuring.activated, act)
        if not all(
            np.isfinite(array).all() for array in (kernel, bias, outputs) if array is not None
        ):
            raise ArgumentError(reasons.NOT_FINITE)
        fitted = fit(each.config, kernel, bias, outputs, own)
        tensors = {name: array.astype(fresh[name].dtype) for name, array in fitted.tensors.items()}
        self.framework.set_state(ghost, tensors)
        notes = tuple(note for note in each.notes if note not in (reasons.FROZEN, reasons.BIAS))
        if act != IDENTITY and outputs is None:
            notes += (reasons.CUT.format(act),)
        return replace(each, error=fitted.error, notes=notes)

    def _parameters(self, conv: Any) -> tuple[np.ndarray, np.ndarray]:
        """Kernel and bias in canonical layout, in float64."""
        to_canonical = self.framework.to_canonical
        weight, bias = self.measuring.variables(conv)
        kernel = to_canonical(weight, TensorSpec("weight", CONVOLUTION, ())).astype(np.float64)
        if bias is None:
            return kernel, np.zeros(len(kernel))
        return kernel, to_canonical(bias, TensorSpec("bias", CONVOLUTION_BIAS, ())).astype(
            np.float64
        )

    def _outputs(self, path: str, conv: Any) -> np.ndarray | None:
        """Maps (C, N, H, W) of a part of the example that is large enough."""
        if self.inputs is None:
            return None
        outputs = self.measuring.outputs(conv, self.inputs[path][0])
        images = max(1, POSITIONS // max(1, outputs[0, 0].size)) if len(outputs) else 1
        return outputs[:: -(-len(outputs) // images)].swapaxes(0, 1)


def shown(
    measuring: Measuring, model: Any, convolutions: Mapping[str, Any], example: Any
) -> dict[str, list[Any]]:
    """What each convolution is given, by its path, when the model runs on the example.

    Raises `ArgumentError` where the model does not.
    """
    try:
        return measuring.inputs(model, convolutions, _arguments(example))
    except Exception as error:
        raise ArgumentError(
            f"`example` must be what the model can be called with, got {type(example).__name__}, "
            f"with which it raised {type(error).__name__}: {brief(str(error))}"
        ) from error


def _arguments(example: Any) -> tuple[Any, ...]:
    return example if isinstance(example, tuple) else (example,)
