"""A small network trained on real images that a package carries with it: scikit-learn's digits.

`main(FOLDER)` trains Ghost-ResNet-20 in PyTorch, a matter of seconds, and
writes the interchange file and the held-out images.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from weights import write_file
from weights.files.settings import Preprocess
from weights.files.storage import write_safetensors
from weights.prediction.preprocess import preprocess

WEIGHTS, IMAGES = "digits.safetensors", "digits-held-out.safetensors"
NEEDS = ("torch", "sklearn")
HELD_OUT = 450
SHAPE = (1, 8, 8)  # of an image (C, H, W)
SEED = 0
EPOCHS = 8
BATCH = 128
PREPROCESS = Preprocess(divide_by=16.0, layout="NHWC", mean=[0.305], std=[0.376])


def missing_packages() -> list[str]:
    """The packages that the training needs and this machine lacks."""
    return [name for name in NEEDS if find_spec(name) is None]


def main(folder: str) -> None:
    """Train on all but the held-out digits; write weights and held-out images into `folder`."""
    images, labels = _digits()
    order = np.random.Generator(np.random.PCG64(SEED)).permutation(len(images))
    held_out, rest = order[:HELD_OUT], order[HELD_OUT:]
    network = _fit(preprocess(images[rest], PREPROCESS), labels[rest])
    from ghost_torch import state

    write_file(
        Path(folder, WEIGHTS),
        network.architecture,
        network.config,
        state(network),
        preprocess=PREPROCESS,
        classes=[str(digit) for digit in range(10)],
        overwrite=True,
    )
    arrays = {"images": images[held_out], "labels": labels[held_out]}
    write_safetensors(Path(folder, IMAGES), arrays, {"about": "digits held out"}, overwrite=True)


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 8, 8, 1) from 0 to 16, and labels."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = digits.images.astype(np.uint8)[..., None]
    return images, digits.target.astype(np.int64)


def _fit(x: np.ndarray, labels: np.ndarray) -> Any:
    """An ordinary PyTorch training loop: AdamW and a one-cycle learning rate."""
    import torch

    from ghost_torch import GhostResNet20

    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # sums in one order: the same network on every run
    network = GhostResNet20(in_chans=1)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(labels)
    steps = EPOCHS * (len(x) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-2, total_steps=steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x))
        for batch in order[: len(x) // BATCH * BATCH].split(BATCH):
            loss = torch.nn.functional.cross_entropy(network(inputs[batch]), targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()
