"""The modules of a network that hold tensors, by their paths."""

from collections.abc import Iterator

from torch import nn

from ghost_torch.facts import inside
from ghost_torch.ordinary.layers import held, reader_of
from weights.columns.places import Part


def parts(network: nn.Module, own: tuple[type, ...], path: str = "") -> Iterator[Part]:
    """Every place of a network where a module stands that holds tensors of its own.

    Nothing is looked for inside the classes of this package, `own`.
    """
    module = inside(network)
    is_known = isinstance(module, own) or reader_of(module) is not None
    if is_known or held(module):
        yield Part(path, module)
    if is_known:
        return
    for name, child in module._modules.items():
        if child is not None:
            yield from parts(child, own, f"{path}.{name}".removeprefix("."))
