"""Which convolutions of a model a GhostConv can replace, and why it leaves the others."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from weights import checks
from weights.errors import ArgumentError
from weights.modules.arguments import SPLITS, Activation, Split
from weights.modules.ghost_conv import GhostConvConfig, check_split
from weights.replacing.reasons import DEPTHWISE, GROUPS, Candidate, symmetric_padding
from weights.replacing.report import Kept, Replacement, ReplacementReport, kernel_weights
from weights.text import listed

Keep = Literal["weights"]


@dataclass(frozen=True)
class Rules:
    """The arguments of `replace_convolutions`, checked.

    `exclude` and `include` are patterns of paths (`*`, `?`, `[...]`) and hold for all modules
    inside those that they match. Convolutions with fewer than `min_channels` outputs are left: they
    mostly make a result, a mask or an image. With `keep` "weights" a GhostConv starts from its
    convolution; its activation, where none is given, is then the identity and otherwise ReLU.

    Raises `ArgumentError` where an argument breaks a rule.
    """

    ratio: float = 2
    dw_kernel_size: int = 3
    split: Split = "round"
    activation: Activation | None = None
    bn_eps: float = 1e-5
    bn_momentum: float = 0.1
    exclude: Sequence[str] = ()
    include: Sequence[str] = ("*",)
    min_channels: int = 4
    keep: Keep | None = None

    def __post_init__(self) -> None:
        checks.integer("min_channels", self.min_channels, minimum=1)
        if self.keep is not None:
            checks.choice("keep", self.keep, get_args(Keep))
        for name in ("exclude", "include"):
            _check_patterns(name, getattr(self, name))
        checked = GhostConvConfig(1, 1, **self._shared | {"split": "round"})
        # Any ratio divides 0 channels: this checks only whether the split takes such a ratio.
        check_split(0, checked.ratio, checks.choice("split", self.split, SPLITS))

    def report(
        self, places: Sequence[tuple[str, Any]], examine: Callable[[Any], Candidate | str | None]
    ) -> ReplacementReport:
        """The convolutions of a model to replace, and those to leave.

        `places` are the modules with their paths, a module that stands in two places twice.
        `examine` makes a candidate of a module, or the reason why it is none, or None for a module
        that is no convolution. Raises `ArgumentError` for a pattern that matches no module.
        """
        self._check_patterns_match([path for path, _ in places])
        replaced, kept = [], []
        for module, (path, *aliases) in _by_module(places):
            candidate = examine(module)
            if candidate is None:
                continue
            try:
                config, notes = self._config((path, *aliases), candidate)
                replaced.append(Replacement(path, config, tuple(aliases), notes))
            except ArgumentError as reason:
                kept.append(Kept(path, str(reason), tuple(aliases)))
        return ReplacementReport(tuple(replaced), tuple(kept))

    @property
    def _shared(self) -> dict[str, Any]:
        names = ("ratio", "dw_kernel_size", "split", "bn_eps", "bn_momentum")
        shared = {name: getattr(self, name) for name in names}
        default = "identity" if self.keep else "relu"
        return shared | {"activation": default if self.activation is None else self.activation}

    def _config(
        self, paths: Sequence[str], candidate: Candidate | str
    ) -> tuple[GhostConvConfig, tuple[str, ...]]:
        """The GhostConv and its notes; raises `ArgumentError` with the reason against it."""
        if reason := self._pattern_reason(paths):
            raise ArgumentError(reason)
        if isinstance(candidate, str):
            raise ArgumentError(candidate)
        arguments = {**self._shared, **candidate.arguments}
        self._check_channels(arguments["c_in"], arguments["c_out"], arguments["groups"])
        if self.keep and arguments["groups"] > 1:
            raise ArgumentError(GROUPS)
        geometry = (arguments[name] for name in ("padding", "kernel_size", "stride", "dilation"))
        arguments["padding"] = symmetric_padding(*geometry)
        config = GhostConvConfig(**arguments)
        _check_saving(config)
        return config, candidate.notes

    def _check_channels(self, c_in: int, c_out: int, groups: int) -> None:
        if groups == c_in > 1:
            raise ArgumentError(DEPTHWISE)
        if c_out < self.min_channels:
            raise ArgumentError(
                f"`c_out` must be at least `min_channels` = {self.min_channels}, got {c_out}"
            )

    def _pattern_reason(self, paths: Sequence[str]) -> str:
        for pattern in self.exclude:
            if _matches(pattern, paths):
                return f"excluded by {pattern!r}"
        if any(_matches(pattern, paths) for pattern in self.include):
            return ""
        return f"not among those included: {', '.join(map(repr, self.include)) or 'none'}"

    def _check_patterns_match(self, modules: Collection[str]) -> None:
        for name in ("exclude", "include"):
            for pattern in getattr(self, name):
                if not _matches(pattern, modules):
                    raise ArgumentError(
                        f"every pattern of `{name}` must match a module, got {pattern!r}, which "
                        f"matches none of {listed(map(repr, filter(None, modules)))}"
                    )


def _by_module(places: Iterable[tuple[str, Any]]) -> Iterable[tuple[Any, list[str]]]:
    """Every module once, with all its paths."""
    found: dict[int, tuple[Any, list[str]]] = {}
    for path, module in places:
        found.setdefault(id(module), (module, []))[1].append(path)
    return found.values()


def _check_saving(config: GhostConvConfig) -> None:
    before, after = kernel_weights(config)
    if config.cheap is None:
        raise ArgumentError(f"at ratio {config.ratio} none of its channels is a ghost")
    if after >= before:
        raise ArgumentError(
            f"a GhostConv would save nothing: {after:,} weights in its kernels for {before:,}"
        )


def _check_patterns(name: str, patterns: Any) -> None:
    is_sequence = isinstance(patterns, Collection) and not isinstance(patterns, str)
    if not is_sequence or not all(isinstance(pattern, str) for pattern in patterns):
        raise ArgumentError(f"`{name}` must be a sequence of patterns, got {patterns!r}")


def _matches(pattern: str, paths: Iterable[str]) -> bool:
    return any(fnmatchcase(place, pattern) for path in paths for place in _with_parents(path))


def _with_parents(path: str) -> Iterator[str]:
    parts = path.split(".")
    yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))
