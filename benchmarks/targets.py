"""The targets, each a ratio of two rows of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.growth_plot import exponents
from benchmarks.measure import Row
from weights.frameworks import FRAMEWORKS

AT_LEAST, AT_MOST = "at least", "at most"
BOTH = "forward + backward"
# The ratio of most targets; ratio 4 is measured as well.
RATIO_2 = "ratio 2"
# The ways of running a deployed module, of which the fastest counts.
WAYS = ("", ", channels first", ", compiled", ", compiled, C++ wrapper", ", XLA")
PLAIN, OURS = (tuple(f"{name} deployed{way}" for way in WAYS) for name in ("plain", "ours"))
# What a deployed GhostConv of PyTorch is to reach in the place of some 1x1 convolutions.
COMPILED = (
    (("1x1 32->64 @56", "batch 1"), 0.75), (("1x1 128->128 @28", "batch 1"), 0.9),
    (("1x1 256->256 @14", "batch 1"), 1.2), (("1x1", "batch 8"), 1.0),
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A limit for the worst of some ratios, the least of them where `better` is "at least".

    `of_median` makes it one for their median.
    """

    what: str
    better: str
    wanted: float
    ratios: dict[str, float]
    of_median: bool = False

    @property
    def worst(self) -> tuple[str, float]:
        """The case that is furthest from the target, and its ratio."""
        choose = min if self.better == AT_LEAST else max
        return choose(self.ratios.items(), key=lambda item: item[1])

    @property
    def median(self) -> float:
        """The median of all ratios."""
        found = sorted(self.ratios.values())
        return (found[(len(found) - 1) // 2] + found[len(found) // 2]) / 2

    @property
    def is_met(self) -> bool:
        """True where the worst ratio is within the limit, or the median where that counts."""
        value = self.median if self.of_median else self.worst[1]
        return value >= self.wanted if self.better == AT_LEAST else value <= self.wanted


class Table:
    """Rows by what they are."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._times = {
            (row.framework, row.suite, row.case, row.what, row.candidate): row.value for row in rows
        }

    def cases(self, framework: str, suite: str) -> list[str]:
        """The cases of a suite, in order."""
        return list(dict.fromkeys(k[2] for k in self._times if k[:2] == (framework, suite)))

    def time(self, framework: str, suite: str, case: str, what: str, *names: str) -> float | None:
        """The fastest of some candidates."""
        found = [self._times.get((framework, suite, case, what, name)) for name in names]
        return min((each for each in found if each is not None), default=None)

    def layers(
        self, framework: str, what: str, slower: Sequence[str], faster: Sequence[str],
        wanted: Callable[[str], bool],
    ) -> dict[str, float]:  # fmt: skip
        """Time of some candidates over that of others, for the shapes that are wanted."""
        ratios = self.ratios(framework, "layer", what, slower, faster)
        return {case: ratio for case, ratio in ratios.items() if wanted(case)}

    def ratios(
        self, framework: str, suite: str, what: str, over: Sequence[str], under: Sequence[str]
    ) -> dict[str, float]:
        """What was measured of some candidates over that of others, by case."""
        found = {}
        for case in self.cases(framework, suite):
            first, second = (
                self.time(framework, suite, case, what, *names) for names in (over, under)
            )
            if first and second:
                found[case] = first / second
        return found


def targets(rows: Iterable[Row]) -> list[Target]:
    """Every target that the rows can tell about."""
    rows = list(rows)
    table = Table(rows)
    found = [*_layers(table), *_memory(table), *_networks(table), *_files(table), *_growth(rows)]
    return [target for target in found if target.ratios]


def _layers(table: Table) -> Iterable[Target]:
    for kernel, wanted in (("1x1", 8.0), ("3x3", 3.5)):
        cases = partial(contains, kernel, RATIO_2)
        ratios = table.layers("jax", "forward", ("naive",), ("ours",), cases)
        yield Target(f"ghost_jax, naive / ours, forward, {kernel}", AT_LEAST, wanted, ratios)
    for parts, wanted in (("1x1", RATIO_2), 5.0), (("3x3", RATIO_2), 4.0), (("ratio 4",), 30.0):
        ratios = table.layers("jax", BOTH, ("naive",), ("ours",), partial(contains, *parts))
        what = f"ghost_jax, naive / ours, {BOTH}, {', '.join(parts)}"
        yield Target(what, AT_LEAST, wanted, ratios)
    cases, xla = partial(contains, RATIO_2), ("naive, XLA", "ours, XLA")
    ratios = table.layers("tf", "forward", xla[:1], xla[1:], cases)
    yield Target("ghost_tf under XLA, naive / ours, forward", AT_LEAST, 5.0, ratios)
    for what in ("forward", BOTH):
        ratios = table.layers("tf", what, ("naive",), ("ours",), cases)
        whole = f"ghost_tf in graph mode, naive / ours, {what}, median"
        yield Target(whole, AT_LEAST, 1.0, ratios, of_median=True)
    ratios = table.layers("tf", BOTH, ("naive",), ("ours, XLA",), cases)
    what = f"ghost_tf under XLA, naive in graph mode / ours, {BOTH}"
    yield Target(what, AT_LEAST, 1.0, ratios)
    for what in ("forward", BOTH):
        ratios = table.layers("torch", what, ("naive",), ("ours",), cases)
        whole = f"ghost_torch in eager mode, naive / ours, {what}"
        yield Target(f"{whole}, median", AT_LEAST, 1.0, ratios, of_median=True)
        yield Target(whole, AT_LEAST, 0.97, ratios)
    for parts, wanted in COMPILED:
        ratios = table.layers("torch", "forward", PLAIN, OURS, partial(contains, *parts, RATIO_2))
        yield Target(f"ghost_torch deployed, plain / ours, {' '.join(parts)}", AT_LEAST, wanted,
                     ratios)  # fmt: skip
    for framework in FRAMEWORKS:
        for kernel, wanted in (("3x3", 1.7), ("1x1", 1.0)):
            cases = partial(contains, kernel, RATIO_2)
            ratios = table.layers(framework, "forward", PLAIN, OURS, cases)
            what = f"ghost_{framework} deployed, plain / ours, {kernel}"
            yield Target(what, AT_LEAST, wanted, ratios)


def _memory(table: Table) -> Iterable[Target]:
    for framework in FRAMEWORKS:
        ratios: dict[str, float] = {}
        for case in table.cases(framework, "memory"):
            for way in ("", ", XLA"):
                over = table.time(framework, "memory", case, BOTH, f"ours{way}")
                under = table.time(framework, "memory", case, BOTH, f"naive{way}")
                ratios |= {f"{case}{way}": over / under} if over and under else {}
        what = f"memory of a training step in ghost_{framework}, ours / naive"
        yield Target(what, AT_MOST, 2.0, ratios)
    ratios = table.ratios("tf", "memory", "fit", ("ours",), ("naive",))
    yield Target("memory of a `fit` step of ghostnet_100 in Keras, ours / naive", AT_MOST, 1.0,
                 ratios)  # fmt: skip


def contains(first: str, *parts_and_text: str) -> bool:
    """True of a text, the last argument, that has all the others as parts."""
    *parts, text = first, *parts_and_text
    return all(part in text for part in parts)


def _networks(table: Table) -> Iterable[Target]:
    ratios = table.ratios("tf", "network", "fit", ("naive",), ("ours",))
    yield Target("ghostnet_100 in Keras, a `fit` step, naive / ours", AT_LEAST, 1.0, ratios)
    cases = [f"ghostnet_100 batch {batch}" for batch in (1, 8)]
    eager, fast, slow = {}, {}, {}
    for case in cases:
        eager[case] = table.time("torch", "network", case, "forward", "ours")
        fast[case] = table.time("torch", "network", case, "forward", *OURS)
        onnx = table.time("onnx", "network", case, "forward", "ours deployed")
        for framework in FRAMEWORKS:
            ours = table.time(framework, "network", case, "forward", *OURS)
            if ours is not None and onnx is not None:
                slow[f"{framework} {case}"] = ours / onnx
    ratios = {c: over / fast[c] for c, over in eager.items() if over and fast[c]}  # type: ignore[operator]
    yield Target("ghostnet_100 in PyTorch, eager / deployed and compiled", AT_LEAST, 2.0, ratios)
    for framework in FRAMEWORKS:
        own = {case: value for case, value in slow.items() if case.startswith(framework)}
        what = f"ghostnet_100, best of ghost_{framework} / onnxruntime"
        yield Target(what, AT_MOST, 1.5, own)


def _growth(rows: Sequence[Row]) -> Iterable[Target]:
    for candidate in ("time", "memory"):
        what = f"{candidate} against the number of tensors, exponent"
        yield Target(what, AT_MOST, 1.1, exponents(rows, candidate))


def _files(table: Table) -> Iterable[Target]:
    for framework, candidate, other, wanted in (
        ("numpy", "arrays", "bytes", 2.5), ("torch", "module", "bytes", 2.5),
        ("jax", "module", "bytes", 4.0), ("tf", "module", "bytes", 4.0),
        ("torch", "module", "safetensors.torch", 1.5),
    ):  # fmt: skip
        key = (framework, "load", "ghostnet_100", "load")
        over, under = table.time(*key, candidate), table.time(*key, other)
        ratios = {framework: over / under} if over and under else {}
        yield Target(f"loading ghostnet_100, {framework} / {other}", AT_MOST, wanted, ratios)
    for framework in FRAMEWORKS:
        added = table.time(framework, "import", "import", "import", "added")
        ratios = {framework: added} if added else {}
        yield Target(f"import ghost_{framework}, milliseconds more", AT_MOST, 50.0, ratios)
    over = table.time("numpy", "import", "inspect", "import", "inspect")
    under = table.time("numpy", "import", "inspect", "import", "import numpy")
    ratios = {"inspect": over / under} if over and under else {}
    yield Target("ghost-weights inspect / import numpy", AT_MOST, 2.0, ratios)
    for case, wanted in (("first", 75.0), ("second", 40.0)):
        whole = table.time("all", "conformance", f"{case} run", "run", "all")
        ratios = {"run": whole / 1e3} if whole else {}
        yield Target(f"a {case} default conformance run, seconds", AT_MOST, wanted, ratios)
