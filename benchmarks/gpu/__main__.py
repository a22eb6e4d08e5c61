"""PyTorch networks on an NVIDIA GPU, beside timm's: `python -m benchmarks.gpu`."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import click
import torch
from torch import nn
from torch.testing import assert_close

import ghost_torch
from benchmarks.gpu.table import LAYERS, show
from benchmarks.measure import interleaved
from ghost_torch.adapter import strict_arithmetic

LAST = torch.channels_last
NETWORKS = ("ghostnet_100", "ghostnetv2_100")
KINDS = ((1, torch.float32), (64, torch.float16))
# What a kernel may differ by from float64, in float16.
SHARE = 5e-3
PARTS = ("inference", "layers", "training")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--network", "networks", multiple=True, type=click.Choice(NETWORKS))
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS))
@click.option("--quick", is_flag=True, help="Fewer rounds.")
def main(networks: tuple[str, ...], parts: tuple[str, ...], quick: bool) -> None:
    """Milliseconds, medians of interleaved rounds; float32 without TF32."""
    strict_arithmetic()
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    for name in networks or NETWORKS:
        models = candidates(name)
        for batch, dtype in KINDS if "inference" in (parts or PARTS) else ():
            runs = inference(models, batch, dtype)
            show(f"{name} inference, batch {batch}, {dtype}", interleaved(runs, quick=quick))
        if "training" in (parts or PARTS):
            runs = training(models)
            show(f"{name} training step, batch 64, bfloat16", interleaved(runs, quick=quick))
    for layer in LAYERS if "layers" in (parts or PARTS) else ():
        for batch, dtype in KINDS:
            show(f"1x1 {layer}, batch {batch}, {dtype}", layers(*layer, batch, dtype))


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


def layers(
    c_in: int, c_out: int, size: int, batch: int, dtype: torch.dtype
) -> dict[str, tuple[float, float]]:
    """Time on the GPU alone, from replays of a CUDA graph, of compiled layers."""
    from triton.testing import do_bench_cudagraph

    from benchmarks.gpu.triton_pair import pair

    torch.compiler.reset()
    ours = ghost_torch.deploy(ghost_torch.GhostConv(c_in, c_out).eval())
    plain = nn.Sequential(nn.Conv2d(c_in, c_out, 1), nn.ReLU())
    x = torch.randn(batch, c_in, size, size).to("cuda", dtype, memory_format=LAST)
    ours, plain = (each.to("cuda", dtype, memory_format=LAST) for each in (ours, plain))
    runs = {
        "plain convolution, compiled": torch.compile(plain),
        "ours, compiled": torch.compile(ours),
        "ours in one kernel": partial(pair, ours),
    }
    found = {}
    with torch.no_grad():
        wanted = deepcopy(ours).double()(x.double())
        assert_close(pair(ours, x).double(), wanted, rtol=SHARE, atol=SHARE)
        for name, run in runs.items():
            run(x)
            low, middle, high = do_bench_cudagraph(partial(run, x), quantiles=[0.25, 0.5, 0.75])
            found[name] = (middle, (high - low) / 2)
    return found


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


if __name__ == "__main__":
    main()
