"""PyTorch modules on an NVIDIA GPU: what is asked of them there stays there and means the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.columns import assert_same_state

pytest.importorskip("torch")

import torch
from torch import Tensor, distributed, nn

import ghost_torch
from ghost_torch.adapter import strict_arithmetic
from weights import ArgumentError

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no GPU here"),
]
CUDA = torch.device("cuda")
MODULES: dict[str, Callable[[], Any]] = {
    "GhostConv": lambda: ghost_torch.GhostConv(8, 12),
    "GhostConvV3": lambda: ghost_torch.GhostConvV3(8, 12),
    "GhostNet": lambda: ghost_torch.GhostNet(width=0.5, num_classes=10),
    "GhostNetV2": lambda: ghost_torch.GhostNetV2(width=0.5, num_classes=10),
    "GhostNetV3": lambda: ghost_torch.GhostNetV3(width=0.5, num_classes=10),
    "GhostResNet20": lambda: ghost_torch.GhostResNet20(),
    "GhostVGG16": lambda: ghost_torch.GhostVGG16(),
    "C3Ghost": lambda: ghost_torch.yolo.C3Ghost(8, 16),
}
LAYERS = {"GhostConv", "GhostConvV3", "C3Ghost"}


@pytest.fixture(autouse=True)
def exact_float32() -> Iterator[None]:
    """TF32 would keep ten bits of 23."""
    precision, tf32 = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    strict_arithmetic()
    yield
    torch.set_float32_matmul_precision(precision)
    torch.backends.cudnn.allow_tf32 = tf32


@pytest.fixture(params=MODULES)
def kind(request: Any) -> str:
    return request.param


def make(kind: str) -> Any:
    torch.manual_seed(0)
    return MODULES[kind]().eval()


def images(kind: str) -> Tensor:
    shape = (4, 8, 14, 14) if kind in LAYERS else (4, 3, 64, 64)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def devices(module: nn.Module) -> set[str]:
    tensors = [*module.parameters(), *module.buffers()]
    return {tensor.device.type for tensor in tensors}


def assert_near(got: Tensor, wanted: Tensor, share: float = 1e-4) -> None:
    difference = (got.detach().float().cpu() - wanted.detach()).abs().max()
    assert difference <= share * wanted.detach().abs().max()


def test_a_module_answers_as_on_the_processor(kind: str) -> None:
    module, x = make(kind), images(kind)
    wanted = module(x)
    assert_near(module.to(CUDA)(x.to(CUDA)), wanted)


def test_a_deployed_module_stays_on_the_gpu(kind: str) -> None:
    module, x = make(kind), images(kind)
    wanted = module(x)
    deployed = ghost_torch.deploy(module.to(CUDA))
    assert devices(deployed) == {"cuda"}
    assert_near(deployed(x.to(CUDA)), wanted)


def test_files_written_on_the_gpu_are_those_of_the_processor(kind: str, tmp_path: Path) -> None:
    module = make(kind)
    ghost_torch.save_weights(module, tmp_path / "cpu.safetensors")
    ghost_torch.save_weights(module.to(CUDA), tmp_path / "gpu.safetensors")
    assert (tmp_path / "cpu.safetensors").read_bytes() == (
        tmp_path / "gpu.safetensors"
    ).read_bytes()


def test_weights_are_loaded_where_the_module_is(kind: str, tmp_path: Path) -> None:
    module, other = make(kind), MODULES[kind]().to(CUDA)
    ghost_torch.save_weights(module, tmp_path / "file.safetensors")
    ghost_torch.load_weights(other, tmp_path / "file.safetensors")
    assert devices(other) == {"cuda"}
    assert_same_state(ghost_torch.state(other), ghost_torch.state(module))


def test_a_module_made_under_a_default_device_is_there(kind: str, tmp_path: Path) -> None:
    ghost_torch.save_weights(make(kind), tmp_path / "file.safetensors")
    with CUDA:
        fresh, read = MODULES[kind](), ghost_torch.from_file(tmp_path / "file.safetensors")
    assert devices(fresh) == devices(read) == {"cuda"}


def test_a_new_classifier_is_where_the_old_one_was() -> None:
    module = ghost_torch.reset_classifier(make("GhostNet").to(CUDA), 5)
    assert devices(module) == {"cuda"}
    assert module(images("GhostNet").to(CUDA)).shape == (4, 5)


def test_convolutions_are_replaced_where_they_are() -> None:
    model = nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3)).to(CUDA)
    ghost_torch.replace_convolutions(model)
    assert devices(model) == {"cuda"}
    assert model(torch.zeros(1, 3, 16, 16, device=CUDA)).shape == (1, 64, 12, 12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_a_training_step_under_autocast_moves_every_parameter(kind: str, dtype: Any) -> None:
    module, x = make(kind).to(CUDA).train(), images(kind).to(CUDA)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cuda", init_scale=8.0)
    with torch.autocast("cuda", dtype=dtype):
        loss = module(x).float().square().mean()
    scaler.scale(loss).backward()
    scaler.step(optimiser)
    gradients = [each.grad for each in module.parameters()]
    assert all(each is not None and bool(torch.isfinite(each).all()) for each in gradients)


def test_a_half_precision_network_in_channels_last_answers(kind: str) -> None:
    module, x = make(kind), images(kind)
    wanted = ghost_torch.deploy(module)(x)
    narrow = ghost_torch.deploy(module).to(CUDA, torch.float16, memory_format=torch.channels_last)
    given = x.to(CUDA, torch.float16, memory_format=torch.channels_last)
    assert_near(narrow(given), wanted, share=0.02)


def test_a_captured_graph_of_cuda_replays_the_module(kind: str) -> None:
    module, x = make(kind).to(CUDA), images(kind).to(CUDA)
    with torch.no_grad():
        wanted = module(x).cpu()
        replayed = torch.cuda.make_graphed_callables(module, (x.clone(),))
        assert_near(replayed(x), wanted)


@pytest.mark.parametrize("mode", ["default", "reduce-overhead"])
def test_a_compiled_network_answers_as_in_eager_mode(mode: str) -> None:
    module, x = make("GhostNet"), images("GhostNet")
    wanted = module(x)
    compiled = torch.compile(ghost_torch.deploy(module.to(CUDA)), mode=mode, fullgraph=True)
    with torch.no_grad():
        for _ in range(3):
            assert_near(compiled(x.to(CUDA)), wanted)


PAIRS: list[dict[str, Any]] = [
    {"c_in": 32, "c_out": 64},
    {"c_in": 20, "c_out": 73, "split": "ceil", "activation": "hard_swish"},
    {"c_in": 7, "c_out": 30, "activation": "leaky_relu:0.1"},
    {"c_in": 300, "c_out": 160, "activation": "silu"},
    {"c_in": 3, "c_out": 6, "activation": "relu6"},
]
SIZES = [(1, 1, 1), (2, 7, 7), (3, 30, 9), (70, 15, 17)]


def folded(**config: Any) -> Any:
    """A GhostConv without batch normalisation whose statistics are not those of a new one."""
    torch.manual_seed(0)
    module = ghost_torch.GhostConv(**config).train()
    module(torch.randn(8, config["c_in"], 6, 6))
    return ghost_torch.deploy(module.eval())


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("config", PAIRS, ids=str)
@pytest.mark.parametrize(("dtype", "share"), [(torch.float32, 2e-6), (torch.float16, 4e-3)])
def test_both_halves_in_one_kernel_are_the_deployed_layer(
    config: Any, size: Any, dtype: Any, share: float
) -> None:
    pytest.importorskip("triton")
    from benchmarks.gpu.triton_pair import pair

    batch, height, width = size
    module, x = folded(**config), torch.randn(batch, config["c_in"], height, width)
    wanted = module.double()(x.double()).float()
    given = x.to(CUDA, dtype).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        assert_near(pair(module.to(CUDA, dtype), given), wanted, share)


@pytest.fixture
def processes() -> Iterator[Any]:
    distributed.init_process_group("nccl", rank=0, world_size=1, store=distributed.HashStore())
    yield distributed.init_device_mesh("cuda", (1,))
    distributed.destroy_process_group()


def test_synchronised_statistics_move_once_under_remat(processes: Any) -> None:
    steps = []
    for remat in (False, True):
        module = ghost_torch.GhostNet(width=0.5, num_classes=10, dropout=0.0)
        module.remat = remat
        ghost_torch.set_state(module, ghost_torch.state(make("GhostNet")))
        module = nn.SyncBatchNorm.convert_sync_batchnorm(module).to(CUDA).train()
        module(images("GhostNet").to(CUDA)).sum().backward()
        steps.append(ghost_torch.state(module))
    first, second = steps
    assert all(np.allclose(first[name], second[name], rtol=1e-4, atol=1e-6) for name in first)


def test_a_sharded_network_gives_whole_tensors(processes: Any) -> None:
    from torch.distributed.fsdp import fully_shard

    module = make("GhostResNet20").to(CUDA)
    wanted = ghost_torch.state(module)
    fully_shard(module, mesh=processes)
    assert_same_state(ghost_torch.state(module), wanted)


def test_an_offloaded_network_computes_and_is_not_saved() -> None:
    accelerate = pytest.importorskip("accelerate")
    module, x = make("GhostNet"), images("GhostNet")
    wanted = module(x)
    accelerate.cpu_offload(module, CUDA)
    assert_near(module(x.to(CUDA)), wanted)
    with pytest.raises(ArgumentError, match="take away the hooks"):
        ghost_torch.state(module)
