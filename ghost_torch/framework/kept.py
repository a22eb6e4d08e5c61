"""Place, modes and frozen parameters, carried over to a module that is made of another."""

from collections.abc import Mapping

from torch import nn


def keep(module: nn.Module, made: nn.Module) -> None:
    """Give `made` the place, the modes and the frozen parameters of `module`."""
    made.to(next(module.parameters()).device)
    layers = dict(module.named_modules())
    for path, each in made.named_modules():
        each.training = layers.get(path, module).training
    flags = {path: each.requires_grad for path, each in module.named_parameters()}
    for name, parameter in made.named_parameters():
        parameter.requires_grad = _is_trained(name, flags)
    if hasattr(module, "remat"):
        made.remat = module.remat


def _is_trained(name: str, flags: Mapping[str, bool]) -> bool:
    """The flag of that name, or else whether any in the innermost layer around it is trained."""
    if name in flags:
        return flags[name]
    path = name.rpartition(".")[0]
    inside = [flag for other, flag in flags.items() if other.startswith(f"{path}." if path else "")]
    return any(inside) if inside or not path else _is_trained(path, flags)
