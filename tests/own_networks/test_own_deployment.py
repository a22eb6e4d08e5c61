"""`deploy` of a user's network: its ghost modules folded, the rest named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.columns import Column, in_every_column, normal
from tests.frameworks.ghostify_models import Conv, chain, replace
from weights import ArgumentError, read_file

CHAIN = (Conv("stem", 3, 16), Conv("middle", 16, 20), Conv("mask", 20, 1, 1, bias=True))
REPORT = """\
2 modules deployed, 0 left
  deployed  stem
  deployed  middle"""


@pytest.mark.slow
@in_every_column
def test_what_replace_convolutions_returns_is_saved_and_deployed_as_a_whole(
    column: Column, tmp_path: Path
) -> None:
    package = column.package
    model, _ = replace(column, chain(column, *CHAIN))
    other, _ = replace(column, chain(column, *CHAIN))
    path, x = tmp_path / "model", normal(2, 3, 12, 10)
    package.save_weights(model, path)
    package.load_weights(other, path)
    before = path.read_bytes()

    deployed, report = package.deploy(other)
    package.save_weights(deployed, tmp_path / "deployed")
    package.save_weights(other, path, overwrite=True)

    assert str(report) == REPORT
    assert path.read_bytes() == before
    kinds = {m["path"]: m["config"].get("form") for m in modules_of(tmp_path / "deployed")}
    assert kinds == {"stem": "folded", "middle": "folded", "mask": None}
    wanted = column.run(model, x)
    np.testing.assert_allclose(column.run(deployed, x), wanted, rtol=0, atol=1e-5)
    again, _ = package.deploy(model)
    package.load_weights(again, tmp_path / "deployed")
    with pytest.raises(ArgumentError, match=r"without any that could be: .*'stem': `module` must"):
        package.deploy(deployed)


def modules_of(path: Path) -> list[dict[str, object]]:
    return list(read_file(path).config["modules"])


@in_every_column
def test_a_network_without_ghost_modules_is_not_deployed(column: Column) -> None:
    with pytest.raises(ArgumentError) as error:
        column.package.deploy(chain(column, *CHAIN))

    assert str(error.value) == ("`module` must have ghost modules to deploy, got a network without")


def test_a_batch_normalisation_of_the_users_is_left_and_ties_hold() -> None:
    torch = pytest.importorskip("torch")
    import ghost_torch

    ghost = ghost_torch.GhostConv(4, 4, 3, padding=1).eval()
    network = torch.nn.Sequential(ghost, torch.nn.BatchNorm2d(4), torch.nn.ModuleList([ghost]))

    deployed, report = ghost_torch.deploy(network)

    assert deployed[0] is deployed[2][0] is not ghost
    assert str(report) == (
        "2 modules deployed, 1 left\n"
        "  deployed  0\n"
        "  deployed  2.0\n"
        "  left      1  a batch normalisation outside of ghost modules"
    )


def test_a_class_of_keras_is_not_built_again() -> None:
    keras = pytest.importorskip("keras")
    import ghost_tf

    class Network(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.ghost = ghost_tf.GhostConv(3, 4)

    with pytest.raises(ArgumentError, match="`module` must be a Functional or Sequential model"):
        ghost_tf.deploy(Network())
