"""Steps of `replace_convolutions` that are the same for the models of every framework."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from weights.columns.column import Column
from weights.errors import ArgumentError
from weights.modules.ghost_conv import GhostConvConfig
from weights.replacing.example import Example, Measuring
from weights.replacing.reasons import ALREADY, SHARED_PARAMETERS, Candidate
from weights.replacing.report import ReplacementReport
from weights.replacing.rules import Rules
from weights.replacing.trials import Trials

Ghost = TypeVar("Ghost")
Place = TypeVar("Place")


class Convolutions(Protocol):
    """The module `replacing.convolutions` of a framework's package."""

    # The layers and networks of the package, of which nothing inside is replaced.
    GHOSTS: tuple[type, ...]

    def is_convolution(self, module: Any, /) -> bool:
        """Whether the module is a convolution of any kind."""

    def obstacle(self, conv: Any, /) -> str:
        """Why the convolution cannot be replaced, whatever the rules; empty where it can."""

    def arguments(self, conv: Any, /) -> dict[str, Any]:
        """The arguments of GhostConv, as in a `Candidate`."""

    def notes(self, conv: Any, /) -> tuple[str, ...]:
        """The properties of the convolution that its GhostConv will not have."""


class Replacing(NamedTuple):
    """What a framework's package knows of its convolutions."""

    framework: Column[Any, Any, Any]
    convolutions: Convolutions
    measuring: Measuring


def check_model(model: Any, kind: type, name: str, convolutions: Convolutions) -> None:
    """Raise `ArgumentError` for what is no model, and for a model that is a bare convolution."""
    got = type(model).__name__
    if not isinstance(model, kind):
        raise ArgumentError(f"`model` must be a {name}, got {got}")
    if convolutions.is_convolution(model):
        raise ArgumentError(
            f"`model` must contain its convolutions, got a {got}, which cannot be replaced in "
            "itself: put it into a model, or build a GhostConv in its place"
        )


def examined(
    module: Any, convolutions: Convolutions, obstacles: Mapping[int, str]
) -> Candidate | str | None:
    """A candidate, or why the module is none, or None for a module that is no convolution.

    `obstacles` are the reasons that lie outside the module, by its identity.
    """
    if isinstance(module, convolutions.GHOSTS):
        return ALREADY.format(type(module).__name__)
    if not convolutions.is_convolution(module):
        return None
    reason = obstacles.get(id(module)) or convolutions.obstacle(module)
    return reason or Candidate(convolutions.arguments(module), convolutions.notes(module))


def sharing(uses: Iterable[tuple[Any, Any]]) -> dict[int, str]:
    """The obstacle of every module that shares a variable; `uses` are (variable, module)."""
    users: dict[int, set[int]] = defaultdict(set)
    for variable, module in uses:
        users[id(variable)].add(id(module))
    shared = (modules for modules in users.values() if len(modules) > 1)
    return {module: SHARED_PARAMETERS for modules in shared for module in modules}


def decide(
    column: Replacing,
    rules: Rules,
    places: Sequence[tuple[str, Any]],
    obstacles: Mapping[int, str],
    make: Callable[[Any, GhostConvConfig], Ghost],
    example: Any,
    watched: Callable[[ReplacementReport], tuple[Any, Mapping[str, Any]]],
) -> tuple[ReplacementReport, dict[int, Ghost]]:
    """What becomes of each convolution, and the new modules by the identity of the old.

    `places` are paths and modules, `obstacles` as for `examined`. Where there is an example,
    `watched` gives the model that runs on it and its convolutions, by their paths.
    """
    report = rules.report(places, lambda module: examined(module, column.convolutions, obstacles))
    modules = dict(places)
    replaced = ((modules[each.path], each.config) for each in report.replaced)
    ghosts = {id(module): make(module, config) for module, config in replaced}
    shown = None if example is None else Example(column.measuring, *watched(report), example)
    trials = Trials(column.framework, column.measuring, shown, rules.keep)
    return trials.report(report, modules, ghosts), ghosts


def exchange(
    places: Iterable[tuple[Place, Any]],
    ghosts: Mapping[int, Ghost],
    put: Callable[[Place, Any], object],
) -> None:
    """Put the new modules in the places of the old, or, where one cannot be put there, none."""
    done: list[tuple[Place, Any]] = []
    try:
        for place, module in places:
            if id(module) in ghosts:
                put(place, ghosts[id(module)])
                done.append((place, module))
    except BaseException:
        for place, module in done:
            put(place, module)
        raise
