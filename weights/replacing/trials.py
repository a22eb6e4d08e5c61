"""What is measured of each replacement before it is made, and the weights that it starts from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from weights.columns.column import Column
from weights.errors import ArgumentError
from weights.replacing import reasons, timing
from weights.replacing.example import Example, Measuring
from weights.replacing.fitting import fit
from weights.replacing.following import means_in
from weights.replacing.report import Kept, Replacement, ReplacementReport, Seconds, in_milliseconds
from weights.replacing.rules import Keep
from weights.tensors import CONVOLUTION, CONVOLUTION_BIAS, TensorSpec

IDENTITY = "identity"
Entry = Replacement | Kept
# Positions of a map that least squares look at: more tell little more.
POSITIONS = 2**14


@dataclass(frozen=True)
class Pair:
    """A convolution, its GhostConv, and the replacement as it will be reported."""

    entry: Replacement
    conv: Any
    ghost: Any

    @property
    def path(self) -> str:
        """Where the convolution stands."""
        return self.entry.path

    def left(self, reason: object, seconds: Seconds | None = None) -> Kept:
        """The convolution as one that stays."""
        return Kept(self.path, str(reason), self.entry.aliases, seconds)


@dataclass(frozen=True)
class Trials:
    """How replacements are tried: timed on an `example`, where there is one.

    With `keep` each GhostConv starts from the convolution that it replaces.
    """

    framework: Column[Any, Any, Any]
    measuring: Measuring
    example: Example | None
    keep: Keep | None

    def report(
        self, report: ReplacementReport, modules: Mapping[str, Any], ghosts: dict[int, Any]
    ) -> ReplacementReport:
        """The report on what pays; all else is taken out of `ghosts`, by the old one's identity."""
        pairs = [
            Pair(each, modules[each.path], ghosts[id(modules[each.path])])
            for each in report.replaced
        ]
        tried = self._tried(pairs, modules)
        kept = [each for each in tried if isinstance(each, Kept)]
        for each in kept:
            del ghosts[id(modules[each.path])]
        order = {path: place for place, path in enumerate(modules)}
        everything_kept = sorted([*report.kept, *kept], key=lambda each: order[each.path])
        replaced = tuple(each for each in tried if isinstance(each, Replacement))
        return ReplacementReport(replaced, tuple(everything_kept))

    def _tried(self, pairs: Sequence[Pair], modules: Mapping[str, Any]) -> list[Entry]:
        if self.example is None:
            return [self._kept(pair, modules) if self.keep else pair.entry for pair in pairs]
        inputs = self.example.inputs()
        seconds = timing.SECONDS / max(1, len(pairs))
        entries = [self._timed(pair, inputs[pair.path], seconds) for pair in pairs]
        if not self.keep:
            return entries
        paying = [
            replace(pair, entry=entry)
            for pair, entry in zip(pairs, entries, strict=True)
            if isinstance(entry, Replacement)
        ]
        fitted = self._fitted_in_turn(paying, inputs, self.example)
        return [fitted[e.path] if isinstance(e, Replacement) else e for e in entries]

    def _timed(self, pair: Pair, inputs: Sequence[Any], seconds: float) -> Entry:
        if not inputs or any(0 in x.shape for x in inputs):
            return pair.left(reasons.UNREACHED)
        try:
            runs = [self.measuring.timed(module, inputs) for module in (pair.conv, pair.ghost)]
            before, after = timing.medians(runs, seconds)
        except ArgumentError as reason:
            return pair.left(reason)
        if after > timing.ALLOWED * before:
            words = in_milliseconds((before, after))
            return pair.left(reasons.SLOWER.format(*reversed(words)), (before, after))
        return replace(pair.entry, seconds=(before, after))

    def _fitted_in_turn(
        self, pairs: Sequence[Pair], inputs: Mapping[str, Sequence[Any]], example: Example
    ) -> dict[str, Entry]:
        """What becomes of each pair where those before it are replaced already.

        Each GhostConv makes the convolution's outputs out of what the others before it give.
        """
        by_path = {pair.path: pair for pair in pairs}
        done: dict[str, Entry] = {}

        def instead(path: str, x: Any) -> Any:
            pair = by_path.get(path)
            if pair is None:
                return None
            if path not in done:
                wanted, made = (self._maps(pair.conv, each) for each in (inputs[path][0], x))
                done[path] = self._fitted(pair, wanted, made)
            if isinstance(done[path], Kept):
                return None
            return self.measuring.timed(pair.ghost, [x])()[0]

        example.inputs(instead)
        return {
            path: done.get(path, pair.left(reasons.UNREACHED)) for path, pair in by_path.items()
        }

    def _kept(self, pair: Pair, modules: Mapping[str, Any]) -> Entry:
        """The replacement without an example, by the kernel and the normalisation after it."""
        norm = self.measuring.following(modules, pair.path)
        config = pair.entry.config
        if norm is None or config.activation != IDENTITY:
            return self._fitted(pair)
        means = means_in(self.framework, modules[norm], config.c_out)
        entry = self._fitted(pair, means=means)
        if means is None or isinstance(entry, Kept):
            return entry
        return replace(entry, notes=(*entry.notes, reasons.MEANS.format(norm)))

    def _fitted(
        self,
        pair: Pair,
        wanted: np.ndarray | None = None,
        made: np.ndarray | None = None,
        means: np.ndarray | None = None,
    ) -> Entry:
        """The replacement, once its GhostConv makes most nearly what is wanted."""
        try:
            fresh = self.framework.state(pair.ghost)
            kernel, bias = self._parameters(pair.conv)
        except ArgumentError as reason:
            return pair.left(reason)
        act = pair.entry.config.activation
        known = [array for array in (kernel, bias, wanted, made, means) if array is not None]
        if not all(np.isfinite(array).all() for array in known):
            return pair.left(reasons.NOT_FINITE)
        own = None if act == IDENTITY else partial(self.measuring.activated, act)
        fitted = fit(pair.entry.config, kernel, bias, wanted, made, own, means)
        tensors = {name: array.astype(fresh[name].dtype) for name, array in fitted.tensors.items()}
        self.framework.set_state(pair.ghost, tensors)
        dropped = (reasons.FROZEN, reasons.BIAS)
        notes = tuple(note for note in pair.entry.notes if note not in dropped)
        if act != IDENTITY and wanted is None:
            notes += (reasons.CUT.format(act),)
        return replace(pair.entry, error=fitted.error, notes=notes)

    def _parameters(self, conv: Any) -> tuple[np.ndarray, np.ndarray]:
        """Kernel and bias in canonical layout, in float64."""
        kernel, bias = self.measuring.variables(conv)
        weights = self._array(kernel, CONVOLUTION)
        if bias is None:
            return weights, np.zeros(len(weights))
        return weights, self._array(bias, CONVOLUTION_BIAS)

    def _array(self, variable: Any, kind: str) -> np.ndarray:
        spec = TensorSpec(kind, kind, tuple(variable.shape))
        return self.framework.to_canonical(variable, spec).astype(np.float64)

    def _maps(self, conv: Any, x: Any) -> np.ndarray:
        """The convolution's maps (C, N, H, W) of as many images of a batch as tell enough."""
        outputs = self.measuring.outputs(conv, x)
        images = max(1, POSITIONS // max(1, outputs[0, 0].size)) if len(outputs) else 1
        return outputs[:: max(1, -(-len(outputs) // images))].swapaxes(0, 1)
