"""Ghost modules in a state dict: the arguments that their shapes determine."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from math import ceil, floor

from weights.arithmetic import ChannelSplit, split_channels
from weights.checks import choice, integer, plain_number
from weights.errors import ArgumentError, ImportRefused
from weights.importers.importer import Arguments, Shapes
from weights.modules.arguments import SPLITS
from weights.networks.architectures import configure


def read_ghost_module(
    shapes: Shapes, primary: str, cheap: str, given: Arguments
) -> tuple[Arguments, ChannelSplit]:
    """Return the arguments that the two kernels of a ghost module determine, and its channels.

    The kernel called `cheap` may be absent; `groups` is taken from the arguments that are `given`.
    """
    _, inputs, *kernel_size = shapes.kernel(primary)
    groups = integer("groups", given.get("groups", 1), minimum=1)
    found: Arguments = {"c_in": inputs * groups, "kernel_size": tuple(kernel_size)}
    return found | cheap_kernel(shapes, cheap), divided(shapes, primary, cheap)


def cheap_kernel(shapes: Shapes, cheap: str) -> Arguments:
    """Return the argument that the kernel of a cheap convolution determines, if there is one."""
    return {"dw_kernel_size": shapes.kernel(cheap)[2]} if cheap in shapes else {}


def divided(shapes: Shapes, primary: str, cheap: str) -> ChannelSplit:
    """Return how the halves of a ghost module divide its channels; `cheap` may be absent."""
    c_int = shapes.kernel(primary)[0]
    c_cheap = shapes.kernel(cheap)[0] if cheap in shapes else 0
    if c_cheap % c_int:
        raise ImportRefused(
            f"the cheap convolution must have a multiple of the primary channels, got {c_cheap} "
            f"for {c_int}"
        )
    return ChannelSplit(c_int, c_cheap // c_int)


def best_fit(
    shapes: Shapes, architecture: str, candidates: Iterable[Arguments], given: Arguments
) -> Arguments:
    """Return the first of the candidates that explains every shape, or the one that explains most.

    Raises `ArgumentError` where none of them is a module.
    """
    best: tuple[int, Arguments] | None = None
    refused: ArgumentError | None = None
    for candidate in candidates:
        try:
            wrong = _misfits(shapes, architecture, candidate | given)
        except ArgumentError as error:
            refused = refused or error
            continue
        if best is None or wrong < best[0]:
            best = wrong, candidate
        if wrong == 0:
            break
    if best is None:
        raise refused or ImportRefused(f"{shapes.path} holds no {architecture} that is known")
    return best[1]


def _misfits(shapes: Shapes, architecture: str, arguments: Arguments) -> int:
    # One more than the file holds: no configuration may ask for more work than that.
    limit = len(shapes.found) + 1
    specs = list(islice(configure(architecture, arguments).tensors(), limit))
    wrong = sum(shapes.found.get(spec.name) != spec.shape for spec in specs)
    return wrong + len(shapes.found) - len(specs)


def find_ratio(c_out: object, channels: ChannelSplit, split: object) -> tuple[float, bool]:
    """Return a ratio that divides `c_out` into `channels`, and whether no other integer does.

    Raises `ImportRefused` where none does.

    >>> find_ratio(64, ChannelSplit(32, 1), "round")
    (2, True)
    >>> find_ratio(5, ChannelSplit(1, 4), "round")  # 4 or 5: the module computes the same
    (5, False)
    """
    c_out, split = integer("c_out", c_out, minimum=1), choice("split", split, SPLITS)
    c_int, widest = channels.c_int, channels.c_int + channels.c_cheap

    def fits(ratio: float) -> bool:
        return split_channels(c_out, ratio, split) == channels

    def is_other(ratio: float) -> bool:
        return 1 <= ratio <= c_out and fits(ratio)

    exact = [c_out / c_int] if split == "round" and c_out <= widest else []
    for ratio in (2, 1 + channels.multiplier, *exact):
        if c_out <= widest and fits(ratio):
            # The ratios that divide alike are neighbours.
            unique = ratio == int(ratio) and not is_other(ratio - 1) and not is_other(ratio + 1)
            return ratio, unique
    raise ImportRefused(
        f"no ratio divides {c_out} channels into {channels.c_int} primary and {channels.c_cheap} "
        f"cheap ones with split {split!r}: give `c_out`, `ratio` and `split` in the configuration"
    )


def find_ratios(divided: Mapping[int, ChannelSplit], split: str) -> Iterator[float]:
    """Yield the ratios that divide every number of channels as `divided` has it, plain ones first.

    >>> next(find_ratios({16: ChannelSplit(6, 2), 32: ChannelSplit(13, 2)}, "round"))
    2.5
    """
    candidates = [1.0 + channels.multiplier for channels in divided.values()]
    if split == "round":
        low = max(c_out / (channels.c_int + 0.5) for c_out, channels in divided.items())
        plain = [x / n for n in (1, 2, 4, 10, 100) for x in (ceil(low * n), floor(low * n) + 1)]
        exact = [c_out / channels.c_int for c_out, channels in divided.items()]
        candidates = [2.0, *plain, *exact]
    for ratio in dict.fromkeys(candidates):
        if all(split_channels(c, ratio, split) == channels for c, channels in divided.items()):
            yield plain_number(ratio)
