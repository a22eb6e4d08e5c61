"""The targets, each a ratio of two rows of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from benchmarks.measure import Row

Key = tuple[str, str, str, str, str]
AT_LEAST, AT_MOST = "at least", "at most"


@dataclass(frozen=True)
class Target:
    """What is wanted of the worst of some ratios; `better` says which end is the worst."""

    what: str
    better: str
    wanted: float
    ratios: dict[str, float]

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
        """Whether the worst is good enough."""
        value = self.worst[1]
        return value >= self.wanted if self.better == AT_LEAST else value <= self.wanted


class Table:
    """Rows by what they are."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._times = {
            (row.framework, row.suite, row.case, row.what, row.candidate): row.milliseconds
            for row in rows
        }

    def cases(self, framework: str, suite: str) -> list[str]:
        """The cases of a suite, in order."""
        return list(dict.fromkeys(k[2] for k in self._times if k[:2] == (framework, suite)))

    def time(self, framework: str, suite: str, case: str, what: str, *names: str) -> float | None:
        """The fastest of some candidates."""
        found = [self._times.get((framework, suite, case, what, name)) for name in names]
        return min((each for each in found if each is not None), default=None)

    def layers(
        self, framework: str, what: str, slower: str, faster: str, wanted: Callable[[str], bool]
    ) -> dict[str, float]:
        """Time of one candidate over that of another, for the shapes that are wanted."""
        ratios = {}
        for case in filter(wanted, self.cases(framework, "layer")):
            over = self.time(framework, "layer", case, what, slower)
            under = self.time(framework, "layer", case, what, faster)
            if over is not None and under is not None:
                ratios[f"{framework} {case}"] = over / under
        return ratios


def targets(rows: Iterable[Row]) -> list[Target]:
    """Every target that the rows can tell about."""
    table = Table(rows)
    found = [*_layers(table), *_networks(table), *_files(table)]
    return [target for target in found if target.ratios]


def _layers(table: Table) -> Iterable[Target]:
    pointwise, spatial = (lambda case: case.startswith("1x1")), (lambda c: c.startswith("3x3"))
    for ratio_name, kind, wanted in (("1x1", pointwise, 8.0), ("3x3", spatial, 3.5)):
        ratios = table.layers("jax", "forward", "naive", "ours", kind)
        yield Target(f"ghost_jax, naive / ours, forward, {ratio_name}", AT_LEAST, wanted, ratios)
    for ratio, wanted in ((2, 4.0), (4, 20.0)):
        name = f"ratio {ratio}"
        ratios = table.layers("jax", "forward + backward", "naive", "ours", partial(contains, name))
        yield Target(f"ghost_jax, naive / ours, forward + backward, {name}", AT_LEAST, wanted,
                     ratios)  # fmt: skip
    ratios = table.layers("tf", "forward", "naive, XLA", "ours, XLA", bool)
    yield Target("ghost_tf under XLA, naive / ours, forward", AT_LEAST, 5.0, ratios)
    for framework in ("torch", "jax", "tf"):
        shapes = (("3x3", spatial, 1.7), ("1x1", pointwise, 1.0))
        for name, kind, wanted in shapes:
            ratios = table.layers(framework, "forward", "plain deployed", "ours deployed", kind)
            what = f"ghost_{framework} deployed, plain / ours, {name}"
            yield Target(what, AT_LEAST, wanted, ratios)


def contains(part: str, text: str) -> bool:
    """Whether the text has that part."""
    return part in text


def _networks(table: Table) -> Iterable[Target]:
    cases = [f"ghostnet_100 batch {batch}" for batch in (1, 8)]
    best = {
        "torch": ("ours deployed", "ours deployed, channels first", "ours deployed, compiled"),
        "jax": ("ours deployed",),
        "tf": ("ours deployed", "ours deployed, XLA"),
    }
    eager, fast, slow = {}, {}, {}
    for case in cases:
        eager[case] = table.time("torch", "network", case, "forward", "ours")
        fast[case] = table.time("torch", "network", case, "forward", *best["torch"])
        onnx = table.time("torch", "network", case, "forward", "ours deployed, onnxruntime")
        for framework, names in best.items():
            ours = table.time(framework, "network", case, "forward", *names)
            if ours is not None and onnx is not None:
                slow[f"{framework} {case}"] = ours / onnx
    ratios = {c: over / fast[c] for c, over in eager.items() if over and fast[c]}  # type: ignore[operator]
    yield Target("ghostnet_100 in PyTorch, eager / deployed and compiled", AT_LEAST, 2.0, ratios)
    for framework in best:
        own = {case: value for case, value in slow.items() if case.startswith(framework)}
        what = f"ghostnet_100, best of ghost_{framework} / onnxruntime"
        yield Target(what, AT_MOST, 1.5, own)


def _files(table: Table) -> Iterable[Target]:
    for framework, candidate, wanted in (
        ("numpy", "arrays", 2.5), ("torch", "module", 2.5), ("jax", "module", 4.0),
        ("tf", "module", 4.0),
    ):  # fmt: skip
        key = (framework, "load", "ghostnet_100", "load")
        over, under = table.time(*key, candidate), table.time(*key, "bytes")
        ratios = {framework: over / under} if over and under else {}
        yield Target(f"loading ghostnet_100, {framework} / bytes", AT_MOST, wanted, ratios)
    for framework in ("torch", "jax", "tf"):
        over = table.time(framework, "import", "import", "import", "ours")
        under = table.time(framework, "import", "import", "import", "framework")
        ratios = {framework: over - under} if over and under else {}
        yield Target(f"import ghost_{framework}, milliseconds more", AT_MOST, 50.0, ratios)
    over = table.time("numpy", "import", "inspect", "import", "inspect")
    under = table.time("numpy", "import", "inspect", "import", "import numpy")
    ratios = {"inspect": over / under} if over and under else {}
    yield Target("ghost-weights inspect / import numpy", AT_MOST, 2.0, ratios)
    whole = table.time("all", "conformance", "default run", "run", "all")
    yield Target("the default conformance run, seconds", AT_MOST, 60.0,
                 {"run": whole / 1e3} if whole else {})  # fmt: skip
