"""`torch.compile` and `torch.export` give what eager mode gives."""

from __future__ import annotations

from typing import Any

import pytest

from tests.columns import normal, tensors_of

pytest.importorskip("torch")

import torch

import ghost_torch

LAYER: dict[str, Any] = {"c_in": 3, "c_out": 5, "kernel_size": 3, "stride": 2, "padding": 1}
FREE = {0: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}

pytestmark = [
    pytest.mark.slow,
    # PyTorch's own: importing its default compiler uses what it deprecates.
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"),
]
in_both_backends = pytest.mark.parametrize("backend", ["aot_eager", "inductor"])


@pytest.fixture(autouse=True)
def forgetting() -> None:
    """Forget what was compiled: PyTorch compiles one `forward` eight times at most."""
    torch.compiler.reset()


@pytest.fixture
def layer() -> Any:
    """A layer with random tensors, in inference."""
    made = ghost_torch.GhostConv(**LAYER)
    ghost_torch.set_state(made, tensors_of("ghost_conv", **LAYER))
    return made.eval()


@pytest.fixture
def network() -> Any:
    """A network with random tensors, in inference."""
    torch.manual_seed(0)
    return ghost_torch.GhostResNet20().eval()


def images(*shape: int) -> Any:
    """A batch of images."""
    return torch.from_numpy(normal(*shape))


@in_both_backends
def test_a_compiled_layer_evaluates_the_same(layer: Any, backend: str) -> None:
    compiled = torch.compile(layer, backend=backend, fullgraph=True)

    with torch.no_grad():
        torch.testing.assert_close(compiled(images(2, 3, 9, 7)), layer(images(2, 3, 9, 7)))


@in_both_backends
def test_a_compiled_layer_trains_the_same(layer: Any, backend: str) -> None:
    twin = ghost_torch.GhostConv(**LAYER)
    ghost_torch.set_state(twin, ghost_torch.state(layer))
    compiled = torch.compile(twin, backend=backend, fullgraph=True)

    layer.train()(images(2, 3, 9, 7)).square().sum().backward()
    compiled(images(2, 3, 9, 7)).square().sum().backward()

    gradients = {name: parameter.grad for name, parameter in layer.named_parameters()}
    twins = {name: parameter.grad for name, parameter in twin.named_parameters()}
    torch.testing.assert_close(twins, gradients, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(twin.state_dict(), layer.state_dict())


def test_a_compiled_layer_follows_the_size_of_its_input(layer: Any) -> None:
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True, dynamic=True)

    for shape in [(2, 3, 9, 7), (4, 3, 12, 5), (1, 3, 6, 6)]:
        with torch.no_grad():
            torch.testing.assert_close(compiled(images(*shape)), layer(images(*shape)))


def test_an_exported_layer_evaluates_the_same(layer: Any) -> None:
    exported = torch.export.export(layer, (images(2, 3, 9, 7),)).module()

    torch.testing.assert_close(exported(images(2, 3, 9, 7)), layer(images(2, 3, 9, 7)))


def test_an_exported_layer_follows_the_size_of_its_input(layer: Any) -> None:
    program = torch.export.export(layer, (images(2, 3, 9, 7),), dynamic_shapes=(FREE,))

    for shape in [(2, 3, 9, 7), (4, 3, 12, 5)]:
        torch.testing.assert_close(program.module()(images(*shape)), layer(images(*shape)))


def test_an_exported_network_follows_the_size_of_its_input(network: Any) -> None:
    program = torch.export.export(network, (images(2, 3, 32, 32),), dynamic_shapes=(FREE,))

    for shape in [(2, 3, 32, 32), (3, 3, 24, 40)]:
        torch.testing.assert_close(program.module()(images(*shape)), network(images(*shape)))


def test_a_compiled_network_evaluates_the_same(network: Any) -> None:
    compiled = torch.compile(network, backend="aot_eager", fullgraph=True)

    with torch.no_grad():
        torch.testing.assert_close(compiled(images(2, 3, 32, 32)), network(images(2, 3, 32, 32)))


@pytest.mark.parametrize("training", [False, True])
def test_a_layer_under_autocast_is_one_graph(training: bool, layer: Any) -> None:
    compiled = torch.compile(layer.train(training), backend="eager", fullgraph=True)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert compiled(images(2, 3, 9, 7)).shape == layer(images(2, 3, 9, 7)).shape


def convolutions(compiled: bool, gradient: bool = False) -> tuple[int, torch.Tensor, torch.Tensor]:
    """How many convolutions the graph of a deployed layer has, its output, and the layer's own."""
    torch.manual_seed(0)
    layer = ghost_torch.deploy(ghost_torch.GhostConv(3, 32, 3, padding=1))
    x, graphs = images(2, 3, 9, 7), []

    def backend(graph: Any, _: Any) -> Any:
        graphs.append(graph.graph)
        return graph.forward

    with torch.set_grad_enabled(gradient):
        if compiled:
            found = torch.compile(layer, backend=backend, fullgraph=True)(x)
        else:
            program = torch.export.export(layer, (x,))
            found, graphs = program.module()(x), [program.graph]
        wanted = layer(x)
    return sum("conv2d" in str(node.target) for node in graphs[0].nodes), found, wanted


@pytest.mark.parametrize(
    ("compiled", "gradient", "wanted"),
    [(True, False, 1), (True, True, 2), (False, False, 2)],
    ids=["compiled inference", "compiled with gradients", "exported"],
)
def test_only_compiled_inference_has_no_depthwise_convolution(
    compiled: bool, gradient: bool, wanted: int
) -> None:
    count, found, own = convolutions(compiled, gradient)

    assert count == wanted
    torch.testing.assert_close(found, own)


@pytest.mark.parametrize("shape", [(2, 32, 9, 7), (1, 32, 1, 1), (3, 32, 2, 5)], ids=str)
def test_a_compiled_deployed_layer_evaluates_the_same(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer = ghost_torch.deploy(ghost_torch.GhostConv(32, 64))

    with torch.no_grad():
        found = torch.compile(layer, fullgraph=True)(images(*shape))
        torch.testing.assert_close(found, layer(images(*shape)))


@pytest.mark.parametrize("options", [{"stride": 2}, {"padding": 0}, {"dilation": 2}], ids=str)
def test_a_compiled_layer_with_a_channel_a_group_evaluates_the_same(
    options: dict[str, Any],
) -> None:
    torch.manual_seed(0)
    layer = ghost_torch.GhostConv(8, 16, 3, **{"padding": 1, "groups": 8, **options}).eval()

    with torch.no_grad():
        found = torch.compile(layer, backend="aot_eager", fullgraph=True)(images(2, 8, 9, 7))
        torch.testing.assert_close(found, layer(images(2, 8, 9, 7)))


def test_a_compiled_layer_is_called_by_the_forward_that_was_put_in_its_place() -> None:
    torch.manual_seed(0)
    layer = ghost_torch.GhostConv(3, 8).eval()
    conv = layer.cheap_conv[0]
    forward = conv.forward
    conv.forward = lambda x: 2 * forward(x)

    with torch.no_grad():
        found = torch.compile(layer, backend="aot_eager", fullgraph=True)(images(2, 3, 9, 7))
        torch.testing.assert_close(found, layer(images(2, 3, 9, 7)))
