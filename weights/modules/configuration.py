"""The base of all configurations: arguments with their checks, and what follows from them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache, partial
from itertools import count
from math import prod
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from weights import checks
from weights.errors import ArgumentError
from weights.modules.arguments import Activation, activation
from weights.modules.convolutions import SINGLE_VALUE, check_image
from weights.modules.forms import FOLDED, TRAINING, check_form
from weights.tensors import KERNELS, NORM_WEIGHT, SizedTensors, Sizes, TensorSpec

# Notes in the type of an argument that `to_dict` leaves out: at its default, which files from
# before it do not have; always, since the architecture's name has it.
UNLESS_DEFAULT, IN_NAME = "unless default", "in name"
# Checks of arguments whose types say no more.
PLAIN_CHECKS: Mapping[Any, Callable[[str, Any], Any]] = {
    Activation: activation,
    bool: checks.boolean,
    int: partial(checks.integer, minimum=1),
    float: partial(checks.number, minimum=0),
}


@dataclass(frozen=True)
class Configuration(ABC):
    """The checked arguments of a module, and the plans of its parts.

    The type of a field is its check: `int` is at least 1, `float` above 0, `bool` True or False,
    `Literal` one of its words, and `Annotated` holds a function of name and value that returns the
    value to keep (`weights.modules.arguments`). `Any` is checked in `check_together`. The
    cached properties are the parts: all are made, and thereby checked, by the constructor.

    Raises `ArgumentError` where an argument breaks a rule.
    """

    # The arguments that are the channels of input and output.
    input_argument: ClassVar[str] = "c_in"
    output_argument: ClassVar[str] = "c_out"
    # Height and width of the images that it is usually counted for.
    default_size: ClassVar[tuple[int, int]] = (32, 32)

    def __post_init__(self) -> None:
        for each in _arguments(type(self)):
            self._set(each.name, each.check(each.name, getattr(self, each.name)))
        self.check_together()
        for part in _parts(type(self)):
            getattr(self, part)

    def check_together(self) -> None:  # noqa: B027 - many have no such rule
        """Raise `ArgumentError` where arguments break a rule together; sets those that derive."""

    @abstractmethod
    def tensors_at(self, sizes: Sizes) -> SizedTensors:
        """Every tensor, and the height and width that its layer makes of an input of `sizes`."""

    def tensors(self) -> Iterator[TensorSpec]:
        """The tensors of the module, in the order of PyTorch's `state_dict`."""
        return (spec for spec, _ in self.tensors_at((None, None)))

    def output_sizes(self, sizes: Sizes) -> tuple[Any, ...]:
        """Height and width of the output; none of them where it has no such axes."""
        return sizes

    def check_sizes(self, sizes: Sizes) -> None:  # noqa: B027 - many take any
        """Raise `ArgumentError` for a height and width that the module cannot take."""

    @property
    def minimum_size(self) -> int:
        """The least height and width of an input, where they are equal."""
        return next(side for side in count(1) if self._takes(side))

    @property
    def input_channels(self) -> int:
        """Channels of the input."""
        return int(getattr(self, self.input_argument))

    @property
    def output_channels(self) -> int:
        """Channels of the output."""
        return int(getattr(self, self.output_argument))

    @property
    def folded(self) -> bool:
        """Whether batch normalisations are folded into the convolutions before them."""
        return getattr(self, "form", TRAINING) == FOLDED

    @property
    def batch_norm(self) -> tuple[float, float]:
        """Eps and momentum of its batch normalisations."""
        eps, momentum = self.only("bn_eps", "bn_momentum").values()
        return eps, momentum

    @property
    def first_norm(self) -> str:
        """The path of the batch normalisation that tells whether the module is in training.

        Of `Folded`, where that is folded; empty where there is none.
        """
        return ""

    def complete(self) -> dict[str, Any]:
        """Every argument that the architecture's name does not tell, as JSON writes it."""
        names = (each.name for each in _arguments(type(self)) if IN_NAME not in each.notes)
        return {name: _plain(getattr(self, name)) for name in names}

    def to_dict(self) -> dict[str, Any]:
        """Every argument as JSON writes it: equal pairs as one int, integral ratios as an int."""
        values = ((each, getattr(self, each.name)) for each in _arguments(type(self)))
        return {each.name: _plain(value) for each, value in values if each.is_written(value)}

    def only(self, *names: str) -> dict[str, Any]:
        """Some of the arguments, for a part that has them too."""
        return {name: getattr(self, name) for name in names}

    def macs(self, height: int, width: int) -> int:
        """Multiply-accumulates for one image: what the papers call FLOPs."""
        kernels = (each for each in self.tensors_at((height, width)) if each[0].kind in KERNELS)
        return sum(prod(spec.shape) * prod(sizes) for spec, sizes in kernels)

    def output_shape(self, batch: Any, height: Any, width: Any) -> tuple[Any, ...]:
        """Shape of the output, (N, C, H, W) or (N, C); an unknown size (`None`) stays unknown."""
        return (batch, self.output_channels, *self.output_sizes((height, width)))

    def check_input(self, shape: Sequence[Any], dtype: str, *, training: bool = False) -> None:
        """Raise `ArgumentError` for an input that the module cannot take.

        `shape` is (N, C, H, W) whatever the framework's own order; sizes may be `None`.
        """
        check_image(shape, dtype, self.input_argument, self.input_channels)
        batch, _, height, width = shape
        self.check_sizes((height, width))
        check_form(getattr(self, "form", TRAINING), training=training)
        if training and batch == 1 and self._normalises_single_values((height, width)):
            raise ArgumentError(SINGLE_VALUE)

    def _takes(self, side: int) -> bool:
        try:
            self.check_sizes((side, side))
        except ArgumentError:
            return False
        return True

    def _normalises_single_values(self, sizes: Sizes) -> bool:
        tensors = self.tensors_at(sizes)
        return any(spec.kind == NORM_WEIGHT and made == (1, 1) for spec, made in tensors)

    def _set(self, name: str, value: Any) -> None:
        """Set a field of the frozen configuration, for its constructor."""
        object.__setattr__(self, name, value)


@lru_cache(maxsize=64)
def known_tensors(plan: Configuration) -> tuple[TensorSpec, ...]:
    """The tensors of a layer or network of this project, made once for all that are alike."""
    return tuple(plan.tensors())


@dataclass(frozen=True)
class _Argument:
    """A field of a configuration: its check, and whether `to_dict` writes it."""

    name: str
    default: Any
    check: Callable[[str, Any], Any]
    notes: tuple[Any, ...]

    def is_written(self, value: Any) -> bool:
        return IN_NAME not in self.notes and not (
            UNLESS_DEFAULT in self.notes and value == self.default
        )


@lru_cache
def _arguments(kind: type[Configuration]) -> tuple[_Argument, ...]:
    """The arguments of a configuration, in the order of its constructor."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        _Argument(each.name, each.default, _check(hints[each.name]), _notes(hints[each.name]))
        for each in fields(kind)
        if each.init
    )


@lru_cache
def _parts(kind: type[Configuration]) -> tuple[str, ...]:
    """The names of its cached properties, those of base classes first."""
    named = [each for base in reversed(kind.__mro__) for each in vars(base).items()]
    return tuple(dict.fromkeys(n for n, each in named if isinstance(each, cached_property)))


def _notes(hint: Any) -> tuple[Any, ...]:
    return getattr(hint, "__metadata__", ())


def _check(hint: Any) -> Callable[[str, Any], Any]:
    """The check that the type of a field asks for."""
    allowed = get_args(hint)[0] if _notes(hint) else hint
    for note in _notes(hint):
        if callable(note):
            return note
    if get_origin(allowed) is Literal:
        return partial(checks.choice, allowed=get_args(allowed))
    return PLAIN_CHECKS.get(allowed, lambda _, value: value)


def _plain(value: Any) -> Any:
    return checks.plain_pair(value) if isinstance(value, tuple) else value
