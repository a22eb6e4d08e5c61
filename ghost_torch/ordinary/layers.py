"""The table of ordinary layers: which are known, and what else a module holds."""

from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from ghost_torch.ordinary import readers
from weights import ArgumentError
from weights.columns.places import BESIDE, UNBUILT, UNKNOWN, Layer, Reader, reader_among

# Methods in which a layer computes.
CALLS = ("forward", "_conv_forward", "__call__")
ABSTRACT = "it has no values, only shapes: call module.to_empty(device='cpu') first"

READERS: dict[type, Reader] = {
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d), readers.convolution),
    **dict.fromkeys(
        (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), readers.transposed_convolution
    ),
    nn.Linear: readers.linear,
    **dict.fromkeys(
        (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm), readers.batch_norm
    ),
    nn.LayerNorm: readers.layer_norm,
    nn.GroupNorm: readers.group_norm,
    nn.Embedding: readers.embedding,
    nn.PReLU: readers.prelu,
    nn.MultiheadAttention: readers.multi_head_attention,
}


def register(kind: type, reader: Reader) -> None:
    """Make a layer of your own known to `save_weights` and `load_weights`.

    Args:
        kind: its class.
        reader: a function from the layer to a `weights.Layer`: a kind of `weights.register`, its
            arguments, and a `weights.Place` for every tensor.

    >>> import weights
    >>> class Widened(nn.Linear):
    ...     def forward(self, x):
    ...         return super().forward(2 * x)
    >>> register(Widened, readers.linear)
    """
    READERS[kind] = reader


def reader_of(module: Any) -> Reader | None:
    """The reader of a layer, if it has one."""
    return reader_among(READERS, module, CALLS)


def layer_of(module: Any) -> Layer:
    """An ordinary layer as a file tells it; raises `ArgumentError` that says why it cannot."""
    reader = reader_of(module)
    if reader is None:
        raise ArgumentError(UNKNOWN.format(", ".join(held(module))))
    values = [*module.parameters(), *module.buffers()]
    if any(is_lazy(each) for each in values):
        raise ArgumentError(UNBUILT)
    if any(each.is_meta for each in values):
        raise ArgumentError(ABSTRACT)
    layer = reader(module)
    others = set(held(module)) - {*layer.tensors, "num_batches_tracked"} - _sources(module)
    if others:
        raise ArgumentError(BESIDE.format(", ".join(sorted(others))))
    return layer


def held(module: nn.Module) -> list[str]:
    """The names of what a module itself holds, and PyTorch saves."""
    own: dict[str, Any] = {}
    module._save_to_state_dict(own, "", keep_vars=True)
    return list(own)


def _sources(module: nn.Module) -> set[str]:
    """The parameters from which hooks compute a tensor."""
    hooks: Any = module._forward_pre_hooks.values()
    names = {getattr(hook, "_tensor_name", getattr(hook, "name", "")) for hook in hooks}
    return {f"{name}_{part}" for name in names for part in ("g", "v", "u", "orig", "mask")}
