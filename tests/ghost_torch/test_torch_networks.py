"""The networks as PyTorch users handle them: training, checkpointing, features, copies."""

from __future__ import annotations

import copy
import io
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

import ghost_torch
from weights import ArgumentError

pytestmark = pytest.mark.slow

SMALL = {"width": 0.25, "num_classes": 4}
NETWORKS = {
    "v1": lambda **own: ghost_torch.GhostNet(**(SMALL | own)),
    "v2": lambda **own: ghost_torch.GhostNetV2(**(SMALL | own)),
    "v3": lambda **own: ghost_torch.GhostNetV3(**(SMALL | own)),
}
# height and width, and those of the five feature maps
SIZES = [
    ((64, 64), [(32, 32), (16, 16), (8, 8), (4, 4), (2, 2)]),
    ((33, 47), [(17, 24), (9, 12), (5, 6), (3, 3), (2, 2)]),
]

every_network = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)


def images(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def randomise(module: torch.nn.Module) -> torch.nn.Module:
    """Batch normalisations with weights and statistics that are none of the defaults."""
    generator = torch.Generator().manual_seed(1)
    for each in module.modules():
        if isinstance(each, torch.nn.BatchNorm2d):
            each.weight.data.uniform_(0.5, 1.5, generator=generator)
            each.bias.data.normal_(0, 0.3, generator=generator)
            each.running_mean.normal_(0, 0.3, generator=generator)
            each.running_var.uniform_(0.5, 2, generator=generator)
    return module


@every_network
@pytest.mark.parametrize(("size", "maps"), SIZES)
def test_features_are_the_five_maps_of_halved_sizes(
    make: Any, size: tuple[int, int], maps: list[tuple[int, int]]
) -> None:
    features = make().eval().features(images(1, 3, *size))

    assert [tuple(each.shape[2:]) for each in features.values()] == maps


@every_network
def test_features_are_outputs_of_stages(make: Any) -> None:
    network, x = make().eval(), images(1, 3, 64, 64)
    features, stages = network.features(x), network.stages(x)

    assert [torch.equal(each, stages[name]) for name, each in features.items()] == [True] * 5


@every_network
def test_no_stage_is_overwritten_by_a_later_one(make: Any) -> None:
    network = make().eval()
    kept = {}
    for name, out in network._steps(images(1, 3, 64, 64)):
        kept[name] = (out, out.clone())

    assert [name for name, (out, then) in kept.items() if not torch.equal(out, then)] == []


@every_network
def test_a_network_without_classifier_gives_the_features_before_it(make: Any) -> None:
    network = make(num_classes=0).eval()
    x = images(2, 3, 64, 64)

    assert network(x).shape == (2, 1280)
    assert list(network.stages(x))[-1] == "conv_head"


@every_network
@pytest.mark.parametrize("in_chans", [1, 4])
def test_a_network_takes_images_of_other_channels(make: Any, in_chans: int) -> None:
    assert make(in_chans=in_chans).eval()(images(1, in_chans, 40, 40)).shape == (1, 4)


@pytest.mark.parametrize("kind", ["v2", "v3"])
def test_the_smallest_input_is_33(kind: str) -> None:
    network = NETWORKS[kind]().eval()

    assert network(images(1, 3, 33, 33)).shape == (1, 4)
    with pytest.raises(ArgumentError, match=r"at least 33 x 33 \(height x width\), got 33 x 32"):
        network(images(1, 3, 33, 32))


def test_the_first_ghostnet_takes_a_single_pixel() -> None:
    assert NETWORKS["v1"]().eval()(images(1, 3, 1, 1)).shape == (1, 4)


@every_network
def test_rematerialisation_gives_the_same_gradients_and_statistics(make: Any) -> None:
    torch.manual_seed(0)
    plain = make(dropout=0.0)
    other = make(dropout=0.0, remat=True)
    other.load_state_dict(plain.state_dict())
    for network in (plain, other):
        network(images(2, 3, 40, 40)).square().sum().backward()

    for (name, a), b in zip(plain.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad), name
    for (name, a), b in zip(plain.named_buffers(), other.buffers(), strict=True):
        assert torch.equal(a, b), name


def remembered(remat: bool) -> int:
    """How many numbers, parameters apart, the backward pass of a network keeps."""
    network, sizes = NETWORKS["v1"](remat=remat), []
    parameters = {parameter.data_ptr() for parameter in network.parameters()}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        sizes.append(0 if tensor.data_ptr() in parameters else tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network(images(2, 3, 64, 64))
    return sum(sizes)


def test_rematerialisation_remembers_less() -> None:
    assert remembered(remat=True) < 0.2 * remembered(remat=False)


@every_network
def test_dropout_acts_in_training_alone(make: Any) -> None:
    network, x = make(dropout=0.5), images(4, 3, 40, 40)
    network.dropout.train()
    network.eval()
    still = [network(x) for _ in range(2)]
    network.dropout.train()
    moving = [network(x) for _ in range(2)]

    assert torch.equal(*still)
    assert not torch.equal(*moving)


@every_network
def test_a_copy_and_a_pickle_compute_the_same(make: Any) -> None:
    network, x = randomise(make()).eval(), images(1, 3, 40, 40)
    buffer = io.BytesIO()
    torch.save(network, buffer)
    buffer.seek(0)
    copies = [copy.deepcopy(network), torch.load(buffer, weights_only=False)]

    assert [torch.equal(network(x), each(x)) for each in copies] == [True, True]


@every_network
def test_a_training_step_reaches_every_tensor(make: Any) -> None:
    network = randomise(make(dropout=0.0))
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    network(images(2, 3, 64, 64)).square().sum().backward()

    still = [name for name, each in network.named_parameters() if not each.grad.any()]
    still += [name for name, each in network.named_buffers() if torch.equal(each, before[name])]
    assert still == []


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(make, id=name, marks=() if name == "v3" else pytest.mark.matrix)
        for name, make in NETWORKS.items()
    ],
)
def test_an_exported_network_computes_the_same(make: Any) -> None:
    network, x = randomise(make()).eval(), images(1, 3, 40, 40)
    exported = torch.export.export(network, (x,)).module()

    torch.testing.assert_close(exported(x), network(x))


def test_a_deployed_network_refuses_training() -> None:
    network = ghost_torch.deploy(NETWORKS["v3"]())

    with pytest.raises(ArgumentError, match="a module in form 'folded' cannot train"):
        network.train()(images(2, 3, 40, 40))


def test_a_deployed_network_can_be_saved_and_built_again(tmp_path: Any) -> None:
    network, x = ghost_torch.deploy(randomise(NETWORKS["v3"]())), images(1, 3, 40, 40)
    ghost_torch.save_weights(network, tmp_path / "deployed.safetensors")
    again = ghost_torch.from_file(tmp_path / "deployed.safetensors").eval()

    assert again.config["form"] == "folded"
    torch.testing.assert_close(again(x), network(x), rtol=1e-4, atol=1e-5)


def test_deploying_leaves_the_module_as_it_was() -> None:
    network = randomise(NETWORKS["v3"]())
    before = ghost_torch.state(network)

    ghost_torch.deploy(network)

    after = ghost_torch.state(network)
    assert network.training
    assert [name for name in before if not np.array_equal(before[name], after[name])] == []


@pytest.mark.parametrize(
    ("make", "form", "text"),
    [
        (lambda: ghost_torch.GhostConv(4, 8), "deployed", "must have branches to merge, got a"),
        (NETWORKS["v2"], "deployed", "must have branches to merge, got a ghostnetv2 without"),
        (lambda: ghost_torch.SqueezeExcite(8), "folded", "must have batch normalisations to fold"),
        (lambda: ghost_torch.deploy(NETWORKS["v3"]()), "folded", "in form 'folded' already"),
        (NETWORKS["v1"], "fused", "`form` must be one of deployed, folded, got 'fused'"),
    ],
    ids=["no branches", "v2", "no norm", "twice", "unknown"],
)
def test_what_cannot_be_deployed_is_refused(make: Any, form: str, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        ghost_torch.deploy(make(), form)
