"""Train a network of this project by one recipe in PyTorch, Flax or Keras.

`python examples/train.py --framework torch --folder build/torch` trains on scikit-learn's digits;
`--recipe FILE.toml` changes what `recipe.py` lists, such as the folder of images, and a second run
with the same folder goes on where the first ended. `torchrun --nproc-per-node 2 examples/train.py
...` trains on several devices; Flax takes all that it sees, Keras those of its strategy.
`python examples/train.py --plot curves.png build/torch build/jax` draws what runs recorded.
"""

import argparse
import importlib
import json
from pathlib import Path

from recipe import Recipe, Run

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
    if chosen.plot:
        plot(chosen.folders, chosen.plot)
    elif chosen.framework:
        recipe = Recipe.read(chosen.recipe) if chosen.recipe else Recipe()
        loop = importlib.import_module(f"train_{chosen.framework}")
        loop.train(Run(recipe, chosen.folder))
    else:
        parser.error("`--framework` is needed, or `--plot`")


def plot(folders, path):
    """Draw the loss of every epoch of these runs."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4))
    for folder in map(Path, folders):
        lines = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
        axes.plot([line["loss"] for line in lines], label=folder.name)
    axes.set(xlabel="epoch", ylabel="loss")
    axes.legend()
    figure.savefig(path)


if __name__ == "__main__":
    main()
