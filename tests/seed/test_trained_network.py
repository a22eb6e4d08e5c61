"""A really trained Ghost-ResNet56 on a hundred test images, ten of every class."""

from __future__ import annotations

import importlib
from functools import cache

import numpy as np
import pytest

from tests.reference_files import reference_file
from tests.seed.reference import Tensors
from weights.files.storage import read_safetensors

pytestmark = pytest.mark.slow

# The file is sorted by class.
EVERY_TENTH = slice(None, None, 10)
MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
PACKAGES = [
    pytest.param("ghost_torch", "torch", id="ghost_torch"),
    pytest.param("ghost_jax", "flax", id="ghost_jax", marks=pytest.mark.slow),
    pytest.param("ghost_tf", "keras", id="ghost_tf", marks=pytest.mark.slow),
    pytest.param("conformance.oracle", "numpy", id="oracle", marks=pytest.mark.slow),
]


def trained_tensors() -> Tensors:
    """The checkpoint under canonical names, as `set_state` takes it."""
    path = reference_file("trained/ghost_resnet56_cifar10.safetensors")
    return {
        name.replace("cheap_operation", "cheap_conv"): array
        for name, array in read_safetensors(path)[0].items()
        if not name.endswith("num_batches_tracked")
    }


@cache
def images_and_logits() -> tuple[np.ndarray, np.ndarray]:
    """Normalised images (N, 3, 32, 32) in float32, and the logits of a float64 reference."""
    tensors, _ = read_safetensors(reference_file("trained/cifar10_test_1000.safetensors"))
    images = (tensors["images"][EVERY_TENTH] / 255 - MEAN) / DEVIATION
    return images.transpose(0, 3, 1, 2).astype(np.float32), tensors["logits"][EVERY_TENTH]


@cache
def logits_of(package: str) -> np.ndarray:
    """The logits of one package, in float32."""
    adapter = importlib.import_module(f"{package}.adapter")
    return adapter.build("ghost_resnet56", {}, trained_tensors())(images_and_logits()[0])


@pytest.mark.parametrize(("package", "framework"), PACKAGES)
def test_every_image_gets_the_class_of_the_reference(package: str, framework: str) -> None:
    pytest.importorskip(framework)

    predicted, wanted = logits_of(package).argmax(axis=1), images_and_logits()[1].argmax(axis=1)

    assert predicted.tolist() == wanted.tolist()


@pytest.mark.parametrize(("package", "framework"), PACKAGES)
def test_every_logit_is_within_a_ten_thousandth(package: str, framework: str) -> None:
    pytest.importorskip(framework)

    np.testing.assert_allclose(logits_of(package), images_and_logits()[1], rtol=0, atol=1e-4)


def test_the_images_are_of_every_class() -> None:
    assert set(images_and_logits()[1].argmax(axis=1)) == set(range(10))
