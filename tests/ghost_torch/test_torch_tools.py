"""Every layer and network in every form passes through PyTorch's tracers, exporters, compilers."""

from __future__ import annotations

import pickle
from itertools import product
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

import ghost_torch
from tests.ghost_torch.torch_tools import (
    ALLOWED,
    FORMS,
    MODULES,
    TOOLS,
    cells,
    error_of,
    forms,
    image,
    module_of,
    quantised,
)
from weights import ArgumentError

pytestmark = pytest.mark.slow

CASES = [pytest.param(*each, id="-".join(each)) for each in cells()]


@pytest.mark.matrix
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
# PyTorch's quantised concatenation of halves that have different scales: within what is allowed.
@pytest.mark.filterwarnings("ignore:All inputs of this cat operator:UserWarning")
@pytest.mark.parametrize(("tool", "name", "form"), CASES)
def test_a_tool_makes_the_same_function(tool: str, name: str, form: str) -> None:
    assert error_of(tool, name, form) <= ALLOWED.get(tool, 1e-5)


def test_every_pair_of_module_form_and_tool_is_asked_for() -> None:
    found = list(cells())

    assert {(name, form) for _, name, form in found} == set(forms())
    assert {(tool, name) for tool, name, _ in found} == set(product(TOOLS, MODULES))
    assert {(tool, form) for tool, _, form in found} == set(product(TOOLS, FORMS))


@pytest.mark.parametrize("name", ["GhostConvV2", "GhostNetV3"])
def test_a_traced_graph_follows_the_size_of_its_input_and_is_pickled(name: str) -> None:
    module = module_of(name, "training")
    graph = pickle.loads(pickle.dumps(torch.fx.symbolic_trace(module)))

    for size in [(40, 40), (64, 33)]:
        x = torch.randn(1, 3, *size)
        torch.testing.assert_close(graph(x), module(x))


def test_a_rematerialised_network_is_traced() -> None:
    module = ghost_torch.GhostNet(0.1, 4, remat=True).eval()

    torch.testing.assert_close(torch.fx.symbolic_trace(module)(image()), module(image()))


def test_a_traced_network_trains_as_the_network_does() -> None:
    module = module_of("GhostNet", "training")
    graph = torch.fx.symbolic_trace(module)
    module.dropout.p = 0.0

    module.train()
    found, wanted = graph.train()(image()), module(image())

    torch.testing.assert_close(found, wanted)


def test_a_graph_gives_the_features_that_stand_in_it() -> None:
    module = module_of("GhostNet", "training")
    graph = torch.fx.symbolic_trace(module)
    graph.graph.output_node().args = (
        [node for node in graph.graph.nodes if node.name in ("conv_stem", "blocks_9_0_act")],
    )
    graph.graph.eliminate_dead_code()
    graph.recompile()

    stem, last = graph(image())

    wanted = module.stages(image())
    torch.testing.assert_close(stem, wanted["conv_stem"])
    torch.testing.assert_close(last, wanted["blocks.9.0"])


@pytest.mark.parametrize(
    "make",
    [lambda: ghost_torch.GhostConv(3, 8), lambda: nn.Sequential(ghost_torch.C3Ghost(3, 8))],
    ids=["itself", "inside a model"],
)
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_scripting_is_refused_with_the_way_that_works(make: Any) -> None:
    module = make()

    with pytest.raises(ArgumentError, match=r"cannot compile .*: script torch\.fx\.symbolic_trace"):
        torch.jit.script(module)

    assert not any(isinstance(each, torch.jit.ScriptModule) for each in module.modules())


@pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning")
def test_a_bad_input_is_refused_while_tracing() -> None:
    module = module_of("GhostConv", "training")

    with pytest.raises(ArgumentError, match="3 channels, got 4"):
        torch.jit.trace(module, torch.zeros(1, 4, 8, 8))


def test_the_gate_of_a_quantised_network_is_quantised() -> None:
    graph = quantised(module_of("SqueezeExcite", "training"), image())

    targets = [node.target for node in graph.graph.nodes]
    assert torch.nn.functional.hardsigmoid in targets or "hardsigmoid" in str(targets)


def test_the_gate_has_its_derivative_in_every_type() -> None:
    for dtype in (torch.float32, torch.float64):
        x = torch.tensor([-4.0, -1.0, 0.0, 2.0, 4.0], dtype=dtype, requires_grad=True)
        ghost_torch.layers.hard_sigmoid(x).sum().backward()
        sixth = torch.tensor(1, dtype=dtype) / 6
        assert torch.equal(x.grad, torch.tensor([0, 1, 1, 1, 0], dtype=dtype) * sixth)


# torchao's quantiser of exported graphs takes a layer that is called twice for one call.
@pytest.mark.parametrize("name", ["GhostNet", "GhostNetV2", "GhostNetV3"])
def test_every_activation_of_a_deployed_network_is_called_once(name: str) -> None:
    module, calls = module_of(name, "folded"), []
    for path, each in module.named_modules():
        if isinstance(each, nn.ReLU):
            each.register_forward_hook(lambda *_, path=path: calls.append(path))

    module(image())

    assert len(calls) == len(set(calls)) > 30
