"""PyTorch networks on an NVIDIA GPU, beside timm's: `python -m benchmarks.gpu_rows`."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import click
import torch
from torch import nn

import ghost_torch
from benchmarks.measure import interleaved
from ghost_torch.adapter import strict_arithmetic

LAST = torch.channels_last
NETWORKS = ("ghostnet_100", "ghostnetv2_100")
BATCHES = (1, 64)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="One network, fewer rounds.")
def main(quick: bool) -> None:
    """Milliseconds, medians of interleaved rounds; float32 without TF32."""
    strict_arithmetic()
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    for name in NETWORKS[: 1 if quick else None]:
        models = candidates(name)
        for batch in BATCHES:
            for dtype in (torch.float32, torch.float16):
                runs = inference(models, batch, dtype)
                show(f"{name} inference, batch {batch}, {dtype}", runs, quick=quick)
        show(f"{name} training step, batch 64, bfloat16", training(models), quick=quick)


def candidates(name: str) -> dict[str, nn.Module]:
    """Our network, and timm's of that name where timm is installed."""
    found: dict[str, nn.Module] = {"ours": getattr(ghost_torch, name)()}
    try:
        import timm
    except ImportError:
        print("timm is not installed: no row of it")
        return found
    return found | {f"timm {timm.__version__}": timm.create_model(name)}


def inference(
    models: dict[str, nn.Module], batch: int, dtype: torch.dtype
) -> dict[str, Callable[[], Any]]:
    """Every network in eager mode and compiled, ours deployed too."""
    torch.compiler.reset()  # after eight forms of a function it would compile no more
    models = {**models, "ours deployed": ghost_torch.deploy(models["ours"])}
    x = torch.randn(batch, 3, 224, 224).to("cuda", dtype, memory_format=LAST)
    runs = {}
    for name, model in models.items():
        placed = deepcopy(model).eval().to("cuda", dtype, memory_format=LAST)
        runs[name] = waited(placed, x)
        compiled = torch.compile(placed, mode="reduce-overhead")
        runs[f"{name}, compiled"] = waited(compiled, x)
    return runs


def waited(model: Any, x: torch.Tensor) -> Callable[[], Any]:
    """Inference, to its end."""

    @torch.no_grad()
    def run() -> None:
        model(x)
        torch.cuda.synchronize()

    return run


def training(models: dict[str, nn.Module]) -> dict[str, Callable[[], Any]]:
    """A step under autocast, in eager mode and compiled."""
    torch.compiler.reset()
    x = torch.randn(64, 3, 224, 224).to("cuda", memory_format=LAST)
    runs = {}
    for name, model in models.items():
        placed = deepcopy(model).train().to("cuda", memory_format=LAST)
        runs[name] = step(placed, placed, x)
        runs[f"{name}, compiled"] = step(placed, torch.compile(placed), x)
    return runs


def step(owner: nn.Module, model: Any, x: torch.Tensor) -> Callable[[], Any]:
    """Output and gradients of every parameter, to their end."""

    def run() -> None:
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = model(x).float().square().mean()
        loss.backward()
        owner.zero_grad()
        torch.cuda.synchronize()

    return run


def show(title: str, runs: dict[str, Callable[[], Any]], *, quick: bool) -> None:
    """One line for each candidate."""
    print(title)
    for name, (time, half) in interleaved(runs, quick=quick).items():
        print(f"  {name:28} {time:8.3f} ms +- {half:.3f}", flush=True)


if __name__ == "__main__":
    main()
