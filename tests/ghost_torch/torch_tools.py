"""What PyTorch's own tools make of every layer and network: tracers, exporters, compilers.

`python -m tests.ghost_torch.torch_tools` prints the table.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import torch

import ghost_torch
from ghost_torch import yolo
from weights import ArgumentError, configure

MODULES: dict[str, Callable[[], Any]] = {
    "GhostConv": lambda: ghost_torch.GhostConv(3, 7, 3, padding=1),
    "GhostConvV2": lambda: ghost_torch.GhostConvV2(3, 8),
    "GhostConvV3": lambda: ghost_torch.GhostConvV3(3, 8, 3),
    "SqueezeExcite": lambda: ghost_torch.SqueezeExcite(3, 1.0),
    "GhostBottleneck": lambda: ghost_torch.GhostBottleneck(3, 8, 6, stride=2, se_ratio=0.25),
    "C3Ghost": lambda: ghost_torch.C3Ghost(3, 8),
    "yolo.GhostConv": lambda: yolo.GhostConv(3, 8),
    "GhostNet": lambda: ghost_torch.GhostNet(0.1, 4),
    "GhostNetV2": lambda: ghost_torch.GhostNetV2(0.1, 4),
    "GhostNetV3": lambda: ghost_torch.GhostNetV3(0.1, 4),
    "GhostResNet20": lambda: ghost_torch.GhostResNet20(),
    "GhostVGG16": lambda: ghost_torch.GhostVGG16(ratio=8),
}
NETWORKS = ("GhostNet", "GhostNetV2", "GhostNetV3", "GhostResNet20", "GhostVGG16")
FORMS = ("training", "deployed", "folded")
Tool = Callable[[Any, torch.Tensor], Callable[[torch.Tensor], torch.Tensor]]


def traced(module: Any, x: torch.Tensor) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error", torch.jit.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.trace(module, x)


def scripted(module: Any, x: torch.Tensor) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript's own
        return torch.jit.script(torch.fx.symbolic_trace(module))


def quantised(module: Any, x: torch.Tensor) -> Any:
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    torch.backends.quantized.engine = "fbgemm"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prepared = prepare_fx(module, get_default_qconfig_mapping("fbgemm"), (x,))
        prepared(x)
        return convert_fx(prepared)


TOOLS: dict[str, Tool] = {
    "torch.fx": lambda module, x: torch.fx.symbolic_trace(module),
    "jit.trace": traced,
    "jit.script of torch.fx": scripted,
    "prepare_fx": quantised,
    "torch.export": lambda module, x: torch.export.export(module, (x,)).module(),
    "torch.compile": lambda module, x: torch.compile(module, backend="eager", fullgraph=True),
}
# Rounding to 8 bits, relative to the largest output; the others compute the same operations.
ALLOWED = {"prepare_fx": 0.1}


def forms() -> Iterator[tuple[str, str]]:
    """Every module in every form that it has."""
    for name, make in MODULES.items():
        module = make()
        for form in FORMS:
            config = module.config if form == "training" else module.config | {"form": form}
            try:
                configure(module.architecture, config)
            except ArgumentError:
                continue
            yield name, form


def cells() -> Iterator[tuple[str, str, str]]:
    """Tool, module and form: every one of a layer, and of the networks, which take seconds, some.

    A network meets each tool in one of its forms, and the next network in the next: each module
    comes in each form, and by each tool, and each form by each tool.
    """
    for number, (name, found) in enumerate(groupby(forms(), itemgetter(0))):
        own = [form for _, form in found]
        for place, tool in enumerate(TOOLS):
            chosen = [own[(number + place) % len(own)]] if name in NETWORKS else own
            yield from ((tool, name, form) for form in chosen)


def module_of(name: str, form: str) -> Any:
    """A module with random tensors, in inference."""
    torch.manual_seed(0)
    module = MODULES[name]().eval()
    return module if form == "training" else ghost_torch.deploy(module, form)


def image() -> torch.Tensor:
    """A batch of images that every module takes."""
    return torch.randn(2, 3, 40, 40, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def error_of(tool: str, name: str, form: str) -> float:
    """How far the output is from the module's own, relative to its largest number."""
    module, x = module_of(name, form), image()
    wanted = module(x)
    torch._dynamo.reset()
    found = TOOLS[tool](module, x)(x)
    return float((found - wanted).abs().max() / wanted.abs().max())


def main() -> None:
    """Print a row for every module and form."""
    torch.set_num_threads(1)
    print("| module | form | " + " | ".join(TOOLS) + " |")
    print("| --- | --- |" + " --- |" * len(TOOLS))
    for name, form in forms():
        errors = (error_of(tool, name, form) for tool in TOOLS)
        print(f"| {name} | {form} | " + " | ".join(f"{each:.1e}" for each in errors) + " |")


if __name__ == "__main__":
    main()
