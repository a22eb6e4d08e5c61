"""Layers whose tensors something else moves, casts, shards or synchronises."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial, update_wrapper
from typing import Any

import pytest

from tests.columns import assert_same_state

pytest.importorskip("torch")

import torch
from torch import distributed, nn

import ghost_torch
from ghost_torch.synchronised import synchronised
from weights import ArgumentError

LEAVES = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)


@pytest.fixture
def mesh() -> Iterator[Any]:
    """The processes of a sharded module: this one alone."""
    distributed.init_process_group("gloo", rank=0, world_size=1, store=distributed.HashStore())
    yield distributed.init_device_mesh("cpu", (1,))
    distributed.destroy_process_group()


def network() -> Any:
    torch.manual_seed(0)
    return ghost_torch.GhostResNet20().eval()


def images(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def leaves(module: nn.Module) -> list[nn.Module]:
    return [each for each in module.modules() if isinstance(each, LEAVES)]


def offload(layer: nn.Module) -> None:
    """Keep the values elsewhere between calls, as accelerate's `cpu_offload` does."""
    values, own = dict(layer.named_parameters(recurse=False)), layer.forward

    def forward(x: torch.Tensor) -> torch.Tensor:
        for name, value in values.items():
            setattr(layer, name, value)
        try:
            return own(x)
        finally:
            empty(layer)

    layer.forward = update_wrapper(partial(forward), own)
    empty(layer)


def empty(layer: nn.Module) -> None:
    for name, value in layer.named_parameters(recurse=False):
        setattr(layer, name, nn.Parameter(value.detach().to("meta")))


def store_in_bfloat16(layer: nn.Module) -> None:
    """Cast before every call and back after it."""
    layer.to(torch.bfloat16)
    layer.register_forward_pre_hook(lambda module, _: module.to(torch.float32) and None)
    layer.register_forward_hook(lambda module, *_: module.to(torch.bfloat16) and None)


def shard(module: Any, inner: list[nn.Module], mesh: Any) -> Any:
    """FSDP2 in bfloat16, batch normalisations in float32."""
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    wide = MixedPrecisionPolicy(param_dtype=torch.float32, cast_forward_inputs=False)
    narrow = MixedPrecisionPolicy(param_dtype=torch.bfloat16)
    for norm in (each for each in module.modules() if isinstance(each, nn.BatchNorm2d)):
        fully_shard(norm, mesh=mesh, mp_policy=wide)
    for each in (*inner, module):
        fully_shard(each, mesh=mesh, mp_policy=narrow)
    return module


def test_a_network_whose_values_are_elsewhere_computes() -> None:
    module, x = network(), images(2, 3, 16, 16)
    wanted = module(x)

    for each in leaves(module):
        offload(each)

    assert torch.equal(module(x), wanted)


def test_values_that_are_elsewhere_are_not_saved() -> None:
    module = network()
    for each in leaves(module):
        offload(each)

    with pytest.raises(ArgumentError, match="take away the hooks that hold its values elsewhere"):
        ghost_torch.state(module)


def test_a_network_stored_in_bfloat16_computes_in_float32() -> None:
    module = network()

    for each in leaves(module):
        store_in_bfloat16(each)

    assert module(images(2, 3, 16, 16)).dtype == torch.float32


def test_a_hook_after_the_first_layer_hides_no_fault() -> None:
    module = network()
    store_in_bfloat16(module.linear)

    with pytest.raises(ArgumentError, match="the input must have the module's type float32, got"):
        module(images(2, 3, 16, 16).double())


def test_a_sharded_network_gives_and_takes_whole_tensors(mesh: Any, tmp_path: Any) -> None:
    from torch.distributed.fsdp import fully_shard

    module, other = network(), ghost_torch.GhostResNet20()
    wanted = ghost_torch.state(other)
    ghost_torch.save_weights(other, tmp_path / "file.safetensors")
    fully_shard(module.layer1, mesh=mesh)
    fully_shard(module, mesh=mesh)

    ghost_torch.load_weights(module, tmp_path / "file.safetensors")

    assert_same_state(ghost_torch.state(module), wanted)
    assert ghost_torch.deploy(module)(images(1, 3, 8, 8)).shape == (1, 10)


@pytest.mark.slow
@pytest.mark.parametrize(
    "inner",
    [lambda x: [], lambda x: [x.conv1.primary_conv[0]], lambda x: [x.conv1, *x.layer1]],
    ids=["whole", "its first convolution", "blocks"],
)
# PyTorch's own: of what is cropped or not, which is a view.
@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module:UserWarning")
def test_a_network_sharded_in_mixed_precision_trains(inner: Any, mesh: Any) -> None:
    module = network().train()
    shard(module, inner(module), mesh)

    out = module(images(2, 3, 16, 16))
    out.float().sum().backward()

    assert out.dtype == torch.bfloat16
    assert all(each.grad is not None for each in module.parameters())


def test_rematerialisation_moves_synchronised_statistics_once() -> None:
    torch.manual_seed(0)
    plain = ghost_torch.GhostNet(0.25, num_classes=4, dropout=0.0)
    other = ghost_torch.GhostNet(0.25, num_classes=4, dropout=0.0, remat=True)
    other.load_state_dict(plain.state_dict())
    modules = [nn.SyncBatchNorm.convert_sync_batchnorm(each) for each in (plain, other)]

    for module in modules:
        module(images(2, 3, 40, 40)).square().sum().backward()

    for (name, a), b in zip(plain.named_buffers(), other.buffers(), strict=True):
        assert torch.equal(a, b), name


def test_synchronised_statistics_are_the_same_under_autocast(mesh: Any) -> None:
    torch.manual_seed(0)
    plain = ghost_torch.GhostConv(3, 8)
    other = ghost_torch.GhostConv(3, 8)
    other.load_state_dict(plain.state_dict())
    with torch.autocast("cpu", torch.bfloat16):
        outputs = [each(images(2, 3, 5, 5)) for each in (plain, synchronised(other))]

    assert outputs[0].dtype == outputs[1].dtype
    torch.testing.assert_close(*outputs)
    for (name, a), b in zip(plain.named_buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(a, b, msg=name)


@pytest.mark.parametrize("alone", [True, False], ids=["without processes", "one process"])
def test_one_value_per_channel_cannot_be_synchronised_on_one_device(
    alone: bool, request: Any
) -> None:
    if not alone:
        request.getfixturevalue("mesh")
    layer = nn.SyncBatchNorm.convert_sync_batchnorm(ghost_torch.GhostConv(3, 8))

    with pytest.raises(ArgumentError, match="training needs more than one value per channel"):
        layer(images(1, 3, 1, 1))
