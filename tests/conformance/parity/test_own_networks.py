"""A port that went wrong is told where, and why: small networks of users' own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.parity.own.baseline import Baseline
from conformance.parity.own.divergence import Comparison, compare
from conformance.parity.own.explanations import explain
from conformance.parity.own.record import Key, Record
from conformance.reports.own_networks import place
from tests.conformance.parity import own_networks
from weights import ArgumentError

pytestmark = pytest.mark.slow

MODULE = "tests.conformance.parity.own_networks"
X = [np.random.default_rng(0).normal(size=own_networks.SHAPE).astype(np.float32)]
EQUAL = "its input is still equal: the fault is in this module"

# A mistake of a port to Keras, the module that is named, where the fault is said to be, the hint.
FAULTS = [
    ("same padding", "stem", EQUAL, "`padding` is 'same' where torch has [[1, 1], [1, 1]]"),
    ("eps", "norm", EQUAL, "`eps` is 0.001 where torch has 1e-05"),
    ("no bias", "stem", EQUAL, "its bias is missing"),
    ("kernel swapped", "stem", EQUAL,
     "its weight is torch's with height and width of the kernel swapped"),
    ("batch statistics", "norm", EQUAL,
     "it normalises by the batch's statistics: batch normalisation in training mode"),
    ("activation", "act", EQUAL, "the activation is silu where torch has relu"),
    ("axes swapped", "ghost.primary_conv.0",
     "its input differs already: the fault is between act and it",
     "of its input, height and width are swapped"),
    ("factor", "flat", "its input differs already: the fault is between pool and it",
     "its input is 2 times torch's"),
    ("dropout", "drop", "its input has the same values in another order",
     "dropout is active: about 50% of its output are 0, the rest 2 times torch's"),
    ("flatten", "fc", "its input has the same values in another order",
     "a permutation after flatten: it reads torch's input in the order (H, W, C) where that has "
     "(C, H, W) = (12, 4, 4): permute the columns of its weight"),
]  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import ghost_torch

    path = tmp_path_factory.mktemp("own") / "network.safetensors"
    network = own_networks.torch_network()
    ghost_torch.save_weights(network, path, flatten=own_networks.FLATTEN)
    return path


@pytest.fixture(scope="module")
def baseline(path: Path) -> Callable[[bool], Baseline]:
    """The reference in inference or in training."""
    from ghost_torch.recording.recorder import Recorder

    recorder = Recorder(f"{MODULE}:torch_network", weights=str(path))

    @cache
    def run(training: bool) -> Baseline:
        records = [
            Record.read("torch", recorder.record(X, double=double, training=training))
            for double in (True, False)
        ]
        return Baseline(*records, ())

    return run


@pytest.fixture
def diverging(
    path: Path, baseline: Callable[[bool], Baseline], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Comparison]:
    """The comparison of a port with a mistake."""
    pytest.importorskip("keras")
    from ghost_tf.recording.recorder import Recorder

    def run(fault: str, training: bool = False) -> Comparison:
        port = partial(own_networks.ported_network, fault, path)
        monkeypatch.setattr(own_networks, "port", port, raising=False)
        recorder = Recorder(f"{MODULE}:port", flatten=own_networks.FLATTEN)
        record = Record.read("tf", recorder.record(X, training=training))
        return compare(baseline(training), record)

    return run


@pytest.mark.parametrize(("fault", "module", "where", "hint"), FAULTS, ids=[f[0] for f in FAULTS])
def test_a_usual_mistake_is_named_where_it_is_made(
    fault: str, module: str, where: str, hint: str, diverging: Callable[..., Comparison]
) -> None:
    found = diverging(fault)

    assert found.first is not None
    assert (found.first.key.path, place(found, found.first)) == (module, where)
    assert explain(found) == (hint,)


@pytest.mark.parametrize(
    ("fault", "hints"),
    [
        ("", ["the biased variance is stored"]),
        ("momentum", [
            "the momentum is 0.9 in PyTorch's sense where torch has 0.1",
            "the momentum is 0.9 in PyTorch's sense where torch has 0.1; the biased variance is "
            "stored",
        ]),
    ],
)  # fmt: skip
def test_a_training_step_compares_statistics_and_gradients(
    fault: str, hints: list[str], diverging: Callable[..., Comparison]
) -> None:
    found = diverging(fault, training=True)

    assert found.first is None
    assert len(found.record.gradients) == len(found.baseline.exact.gradients) == 12
    assert [each.hint for each in found.tensors] == hints


def test_calls_outputs_and_names_line_up() -> None:
    from ghost_torch.recording.recorder import Recorder

    x = [np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)]
    network = Recorder(f"{MODULE}:shared_network")
    port = Recorder(f"{MODULE}:shared_port", rename={"body": "trunk"})
    records = [Record.read("torch", network.record(x, double=double)) for double in (True, False)]
    found = compare(Baseline(*records, ()), Record.read("port", port.record(x)))

    steps = {str(step.key): step for step in found.steps}
    assert list(steps) == ["body", "halves", "shared", "shared (call 2)", "(the network)"]
    assert list(found.record.calls[Key("halves", 0)].outputs) == ["0", "1.double"]
    assert [name for name, step in steps.items() if step.differs] == [
        "body", "shared (call 2)", "(the network)",
    ]  # fmt: skip
    assert steps["body"].stands_for == Key("relu", 0)
    assert found.first is steps["shared (call 2)"]
    assert place(found, found.first) == (
        "its input differs already: the fault is between shared and it"
    )


def recorded(outputs: dict[str, np.ndarray]) -> Record:
    """A run of a network of one module, `att`, with these outputs."""
    common = {"call": 0, "type": "Attention", "inputs": {"0": X[0]}, "told": None}
    calls = [{"path": path, "outputs": outputs, **common} for path in ("att", "")]
    flags = {"channels_last": False, "training": False, "double": True}
    return Record.read("torch", {"calls": calls, **flags})


@pytest.mark.parametrize(("shift", "first"), [(0.0, None), (1.0, "att")])
def test_a_single_output_is_compared_with_the_first_of_several(
    shift: float, first: str | None
) -> None:
    several = recorded({"0": X[0].astype(np.float64), "1": np.ones(3)})

    found = compare(Baseline(several, several, ()), recorded({"": X[0] + shift}))

    assert (found.first.key.path if found.first else None) == first


def test_code_that_raises_is_told_by_its_place(tmp_path: Path, monkeypatch: Any) -> None:
    from ghost_torch.recording.recorder import Recorder

    (tmp_path / "raises_at_call.py").write_text(
        "from torch import nn\nclass Net(nn.Module):\n    def forward(self, x):\n"
        "        return x @ x\ndef build():\n    return Net()\ndef nothing():\n    pass\n"
    )
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ArgumentError, match=r"calling its network raised RuntimeError") as caught:
        Recorder("raises_at_call:build").record([np.zeros((2, 3), np.float32)])
    assert "raises_at_call.py, line 4, in forward: return x @ x" in str(caught.value)
    with pytest.raises(ArgumentError, match="must return a network of PyTorch, got a NoneType"):
        Recorder("raises_at_call:nothing").record([])
    with pytest.raises(ArgumentError, match="raises_at_call has no function 'build_it'"):
        Recorder("raises_at_call:build_it")
    with pytest.raises(ArgumentError, match="importing not_there raised ModuleNotFoundError"):
        Recorder("not_there:build")
