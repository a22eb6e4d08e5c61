"""The networks among timm's models, for programs that build by name with `timm.create_model`."""

from collections.abc import Callable
from typing import Any

from torch import nn

from ghost_torch import variants
from ghost_torch.networks.resnet import GhostResNet20, GhostResNet56
from ghost_torch.networks.vgg import GhostVGG16
from weights import ArgumentError
from weights.networks.variants import VARIANTS

PREFIX = "ghostconv_"
# What timm hands to every model, and no network here has a use for.
TIMMS_OWN = ("pretrained_cfg", "pretrained_cfg_overlay", "cache_dir")


def register_with_timm() -> list[str]:
    """Register each network with timm as `ghostconv_NAME`, beside timm's own of that name.

    They take the arguments of this package, and timm's `drop_rate` for `dropout`.

    Returns the names, for `timm.create_model`; to register again changes nothing.
    Raises `ArgumentError` where timm is not installed.
    """
    try:
        from timm.models import is_model, register_model
    except ImportError as error:
        raise ArgumentError(f"timm must be installed, got {error}: pip install timm") from None
    found = {f"{PREFIX}{name}": make for name, make in _makers().items()}
    for name, make in found.items():
        if not is_model(name):
            register_model(_entrypoint(name, make))
    return list(found)


def _makers() -> dict[str, Callable[..., nn.Module]]:
    published = {name: getattr(variants, name) for name in VARIANTS}
    classes = (GhostResNet20, GhostResNet56, GhostVGG16)
    return {**published, **{kind.architecture: _fresh(kind) for kind in classes}}


def _fresh(kind: type[nn.Module]) -> Callable[..., nn.Module]:
    """What makes a network of which no weights are published."""

    def make(pretrained: bool | str = False, **options: Any) -> nn.Module:
        if pretrained:
            raise ArgumentError(
                f"`pretrained` must be False for {kind.__name__}, of which no weights are "
                f"published, got {pretrained!r}: load a file with load_weights"
            )
        return kind(**options)

    return make


def _entrypoint(name: str, make: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    def build(pretrained: bool | str = False, **options: Any) -> nn.Module:
        for key in TIMMS_OWN:
            value = options.pop(key, None)
            if value is not None:
                raise ArgumentError(
                    f"`{key}` must be None for {name}, got {value!r}: `pretrained` may be True, "
                    "a repository of the Hugging Face hub or the path of an interchange file"
                )
        if "drop_rate" in options:
            options["dropout"] = options.pop("drop_rate")
        return make(pretrained, **options)

    build.__name__ = name
    return build
