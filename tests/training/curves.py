"""The learning curves of `examples/train.py` from one start, on digits, without augmentation.

`python -m tests.training.curves` trains in the three frameworks, prints how far they are apart and
draws `docs/curves.png`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from weights.columns.replicas import free_addresses

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "examples" / "train.py"
CONFIG = {"num_classes": 10, "in_chans": 1}
FRAMEWORKS = ("torch", "jax", "tf")
# Starts that float32 rounds apart: their curves differ by what rounding alone makes of one.
MOVED = 3
FACTOR = 4
EPOCHS = 10


def start(path: Path, seed: int = 0) -> str:
    """A file to begin from; of every other seed one that is rounded otherwise."""
    import torch

    import ghost_torch

    torch.manual_seed(0)
    network = ghost_torch.GhostResNet20(**CONFIG)
    generator = np.random.default_rng(seed)
    moved = {
        name: np.nextafter(array, generator.choice([-9, 9], array.shape).astype(np.float32))
        for name, array in ghost_torch.state(network).items()
    }
    if seed:
        ghost_torch.set_state(network, moved)
    ghost_torch.save_weights(network, path)
    return str(path)


def curve(framework: str, folder: Path, processes: int = 1, **recipe: Any) -> np.ndarray:
    """The losses of a run of the program, in processes of its own."""
    written = folder.with_suffix(".toml")
    written.write_text("".join(f"{name} = {json.dumps(each)}\n" for name, each in recipe.items()))
    arguments = [str(PROGRAM), "--framework", framework, "--recipe", str(written)]
    command = [sys.executable, *arguments, "--folder", str(folder)]
    launched = _launched(framework, command, processes)
    running = [
        subprocess.Popen(
            each, env={**os.environ, "KERAS_BACKEND": "tensorflow", "OMP_NUM_THREADS": "1", **own},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for each, own in launched
    ]  # fmt: skip
    texts = [each.communicate()[0] for each in running]
    if any(each.returncode for each in running):
        raise RuntimeError("\n".join(text[-2000:] for text in texts))
    lines = (folder / "log.jsonl").read_text().splitlines()
    return np.array([json.loads(line)["loss"] for line in lines])


def _launched(
    framework: str, command: list[str], processes: int
) -> list[tuple[list[str], Mapping[str, str]]]:
    """The commands that make so many processes, and what each has in its environment."""
    if processes == 1:
        return [(command, {})]
    if framework == "torch":
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        return [([command[0], *torchrun, *command[1:]], {})]
    (address,) = free_addresses(1)
    common = {"JAX_COORDINATOR_ADDRESS": address, "JAX_NUM_PROCESSES": str(processes)}
    return [(command, {**common, "JAX_PROCESS_ID": str(rank)}) for rank in range(processes)]


def curves(folder: Path, runs: Mapping[str, tuple[str, int]], **recipe: Any) -> tuple[Any, Any]:
    """Losses by the name of each run, the first of PyTorch, and what rounding may make of each."""
    begins = [start(folder / f"start{seed}.safetensors", seed) for seed in range(MOVED + 1)]
    recipe = {"augment": False, "rate": 1e-3, **recipe}
    wanted, *moved = (
        curve("torch", folder / f"torch{seed}", **recipe, start=begin)
        for seed, begin in enumerate(begins)
    )
    found = {
        name: curve(framework, folder / name, processes, **recipe, start=begins[0])
        for name, (framework, processes) in runs.items()
    }
    allowed = FACTOR * np.max([np.abs(each - wanted) for each in moved], axis=0)
    return {"torch": wanted, **found}, allowed


def main() -> None:
    """Train, print the distances and draw the curves."""
    from benchmarks.plots import COLOURS, pyplot

    with TemporaryDirectory() as folder:
        runs = {name: (name, 1) for name in FRAMEWORKS[1:]}
        found, allowed = curves(Path(folder), runs, epochs=EPOCHS, batch=128)
    for name, losses in found.items():
        apart = np.abs(losses - found["torch"])
        print(f"{name}: {losses[0]:.4f} to {losses[-1]:.4f}, at most {apart.max():.4f} apart")
    print(f"allowed, an epoch after the other: {', '.join(f'{each:.4f}' for each in allowed)}")
    if any((np.abs(losses - found["torch"]) > allowed).any() for losses in found.values()):
        raise SystemExit("a framework is further from PyTorch than rounding takes PyTorch")
    figure, axes = pyplot().subplots(figsize=(6, 3.6), layout="constrained")
    epochs = range(1, EPOCHS + 1)
    for (name, losses), style in zip(found.items(), ("-", "--", ":"), strict=True):
        axes.plot(epochs, losses, style, color=COLOURS[name], label=f"ghost_{name}", linewidth=2)
    axes.set(xlabel="epoch", ylabel="mean loss")
    axes.legend()
    figure.savefig(ROOT / "docs" / "curves.png", dpi=120)


if __name__ == "__main__":
    main()
