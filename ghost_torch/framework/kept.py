"""Place, modes and frozen parameters, carried over to a module that is made of another."""

from torch import nn

from weights.tensors import upwards


def keep(module: nn.Module, made: nn.Module) -> None:
    """Give `made` the place, the modes and the frozen parameters of `module`.

    A parameter that `module` has not is trained where any is in the innermost layer around it.
    """
    made.to(next(module.parameters()).device)
    layers = dict(module.named_modules())
    for path, each in made.named_modules():
        each.training = layers.get(path, module).training
    trained: dict[str, bool] = {}
    for name, parameter in module.named_parameters():
        for path in upwards(name):
            trained[path] = trained.get(path, False) or parameter.requires_grad
    for name, parameter in made.named_parameters():
        parameter.requires_grad = next(trained[path] for path in upwards(name) if path in trained)
    if hasattr(module, "remat"):
        made.remat = module.remat
