"""Train a network of this project by one recipe in PyTorch, Flax or Keras.

`python examples/train.py --framework torch --folder build/torch` trains on scikit-learn's digits;
`--recipe FILE.toml` changes what `recipe.py` lists, such as the folder of images, and a second run
with the same folder goes on where the first ended. On several devices: `torchrun --nproc-per-node 2
examples/train.py ...` in PyTorch; Flax takes all that a process sees, and joins others that have
JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID; Keras takes all GPUs of a process.
`python examples/train.py --plot curves.png build/torch build/jax` draws what runs recorded.
"""

import argparse
import importlib
import json
from pathlib import Path

from recipe import Recipe, Run

from weights import ArgumentError, GhostError

FRAMEWORKS = ("torch", "jax", "tf")


def main():
    """Train, or plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--framework", choices=FRAMEWORKS)
    parser.add_argument("--recipe", help="a TOML file")
    parser.add_argument("--folder", default="build/train", help="where log and weights go")
    parser.add_argument("--plot", metavar="FILE", help="draw the curves of these folders")
    parser.add_argument("folders", nargs="*", help="those of earlier runs")
    chosen = parser.parse_args()
    if not chosen.framework and not (chosen.plot and chosen.folders):
        parser.error("`--framework` is needed, or `--plot` with the folders of runs")
    try:
        if chosen.plot:
            plot(chosen.folders, chosen.plot)
        else:
            train(chosen)
    except GhostError as error:
        raise SystemExit(f"error: {error}") from None


def train(chosen):
    """Train by the recipe, in the framework."""
    recipe = Recipe.read(chosen.recipe) if chosen.recipe else Recipe()
    loop = importlib.import_module(f"train_{chosen.framework}")
    loop.train(Run(recipe, chosen.folder, chosen.framework))


def plot(folders, path):
    """Draw the loss of every epoch of these runs."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4))
    for folder in map(Path, folders):
        log = folder / "log.jsonl"
        if not log.exists():
            raise ArgumentError(f"{folder} must be the folder of a run, got none of its log.jsonl")
        losses = [json.loads(line)["loss"] for line in log.read_text().splitlines()]
        axes.plot(range(1, len(losses) + 1), losses, label=folder.name)
    axes.set(xlabel="epoch", ylabel="loss")
    axes.legend()
    figure.savefig(path)


if __name__ == "__main__":
    main()
