"""The modules of a network that hold tensors, by their paths."""

from collections.abc import Iterable, Iterator
from typing import Any

from flax import nnx

from ghost_jax.ordinary.layers import held, is_value, reader_of
from weights.columns.places import Part

CONTAINERS = (list, tuple, nnx.List)


def parts(
    network: Any, own: tuple[type, ...], path: str = "", above: tuple[Any, ...] = ()
) -> Iterator[Part]:
    """Every place of a network where a module stands that holds tensors of its own.

    Nothing is looked for inside the classes of this package, `own`, nor in random numbers.
    """
    if isinstance(network, (nnx.Rngs, nnx.RngStream)) or any(network is each for each in above):
        return
    is_known = isinstance(network, own) or reader_of(network) is not None
    if is_known or held(network) or is_value(network):
        yield Part(path, network)
    if is_known:
        return
    for name, child in _children(network):
        if isinstance(network, nnx.Pytree) and is_value(child):
            continue  # told already
        yield from parts(child, own, f"{path}.{name}".removeprefix("."), (*above, network))


def _children(node: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(node, nnx.Sequential):  # its paths are those of PyTorch's
        return enumerate(node.layers)
    if isinstance(node, CONTAINERS):
        return enumerate(node)
    if isinstance(node, dict):
        return node.items()
    return vars(node).items() if isinstance(node, nnx.Pytree) else ()
