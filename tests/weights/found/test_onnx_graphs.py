"""Modules in graphs of ONNX: recognised with and without batch normalisations, whole or refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.reference_files import reference_file
from tests.timing import soon
from tests.weights.found.twins import exported
from weights import GhostError, configure, read_file
from weights.importers import import_file
from weights.importers.graphs.importer import read_parts
from weights.importers.several import import_modules

onnx: Any = pytest.importorskip("onnx")
torch: Any = pytest.importorskip("torch")
ghost_torch: Any = pytest.importorskip("ghost_torch")

FACE_LANDMARKS = "wild/PFLD_GhostNet_112_1_opt_sim.onnx"


def drawn(architecture: str, config: dict[str, Any]) -> dict[str, np.ndarray]:
    """Positive numbers for every tensor, whose sums stay about as large as the input."""
    found = {}
    for index, spec in enumerate(configure(architecture, config).tensors()):
        array = np.abs(np.random.default_rng(index).normal(size=spec.shape)) + 0.1
        found[spec.name] = (array / np.prod(spec.shape[1:])).astype("f4")
    return found


@pytest.mark.slow
def test_every_bottleneck_of_a_trained_network_is_imported_and_computes_the_same(
    tmp_path: Path,
) -> None:
    runtime = pytest.importorskip("onnxruntime")
    path = reference_file(FACE_LANDMARKS)
    found, parts = import_modules(path, "onnx").found, read_parts(path)
    model = onnx.load(path)
    values = dict.fromkeys(x for part in parts for x in (part.source, part.output))
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in values)
    session = runtime.InferenceSession(model.SerializeToString())
    image = np.random.default_rng(0).normal(size=(1, 3, 112, 112)).astype(np.float32)
    wanted = dict(zip(values, session.run(list(values), {"input": image}), strict=True))

    assert len(found) == len(parts) == 11
    for part in parts:
        imported = found[part.path]
        assert (imported.architecture, imported.config["form"]) == ("ghost_bottleneck", "folded")
        module = ghost_torch.weights_io.build(
            imported.architecture, imported.config, imported.tensors
        ).eval()
        got = module(torch.from_numpy(wanted[part.source])).detach().numpy()
        largest = np.abs(wanted[part.output]).max()
        assert np.abs(got - wanted[part.output]).max() <= 1e-6 * max(1, largest), part.path


def test_all_modules_go_into_one_file(tmp_path: Path) -> None:
    import_modules(reference_file(FACE_LANDMARKS), "onnx").write(tmp_path / "all.safetensors")

    file = read_file(tmp_path / "all.safetensors")

    assert file.architecture == "custom"
    assert len(file.config["modules"]) == 11
    assert "Conv_7.ghost1.primary_conv.0.bias" in file.tensors


MODULES: list[tuple[str, dict[str, Any]]] = [
    ("ghost_conv", {"c_in": 4, "c_out": 7, "kernel_size": 3, "padding": 1, "activation": "silu"}),
    ("ghost_conv", {"c_in": 4, "c_out": 9, "ratio": 3, "stride": 2, "activation": "hard_swish"}),
    ("ghost_conv", {"c_in": 4, "c_out": 12, "ratio": 1.5}),
    ("ghost_conv", {"c_in": 4, "c_out": 8, "bias": True, "bn_eps": 1e-3, "activation": "relu6"}),
    ("ghost_bottleneck", {"c_in": 8, "c_mid": 16, "c_out": 12, "stride": 2, "se_ratio": 0.25}),
    ("ghost_bottleneck", {"c_in": 8, "c_mid": 16, "c_out": 8, "bn_eps": 1e-3}),
    ("ghost_bottleneck", {"c_in": 8, "c_mid": 16, "c_out": 12, "shortcut_activation": "relu"}),
]
MODULES += [
    ("ghost_conv_v2", {"c_in": 4, "c_out": 7}),
    ("ghost_bottleneck", {"c_in": 8, "c_mid": 16, "c_out": 8, "attention": True, "stride": 2}),
    ("ghost_conv_v3", {"c_in": 8, "c_out": 12, "kernel_size": 3, "attention": True}),
    ("ghost_conv_v3", {"c_in": 8, "c_out": 16, "primary_skip": False}),
    ("ghost_bottleneck", {"c_in": 8, "c_mid": 16, "c_out": 12, "stride": 2, "branches": 2}),
    ("rep_ghost_conv", {"c_in": 8, "c_out": 12, "activation": "relu6"}),
    ("rep_ghost_bottleneck", {"c_in": 8, "c_mid": 16, "c_out": 12, "stride": 2, "se_ratio": 0.25}),
]
SMALL = {"width": 0.1, "num_classes": 3}
NETWORKS = [(name, SMALL) for name in ("ghostnet", "ghostnetv2")]
LONG: list[tuple[str, dict[str, Any]]] = [
    ("repghostnet", SMALL),
    ("ghost_resnet20", {"num_classes": 3, "ratio": 2.5}),
    ("ghostnetv3", SMALL),
    ("repghostnet", SMALL | {"form": "deployed"}),
    ("ghost_resnet20", {"form": "folded"}),
    ("ghost_resnet20", {"norm": False, "num_classes": 0}),
    ("ghost_resnet20", {"norm": False, "stem_ratio": 1}),
    ("ghost_resnet20", {"plain_stem": True}),
    ("ghost_resnet20", {"stem_ratio": 1}),
    ("ghost_resnet56", {}),
    ("ghost_vgg16", {}),
    ("ghost_vgg16", {"hidden": False, "num_classes": 0, "stem_ratio": 1, "ratio": 4}),
]


@pytest.mark.slow
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("architecture", "config"),
    [*MODULES, *NETWORKS, *(pytest.param(*each, marks=pytest.mark.matrix) for each in LONG)],
)
def test_what_pytorch_exported_comes_back(
    tmp_path: Path, architecture: str, config: dict[str, Any], training: bool
) -> None:
    torch.manual_seed(0)
    checked, tensors = configure(architecture, config), drawn(architecture, config)
    module = ghost_torch.weights_io.build(architecture, config, tensors)
    shape = (1, checked.input_channels, 64, 64)
    path = exported(module, tmp_path / "a.onnx", shape, training=training)

    imported = import_file(path, "onnx")

    assert imported.architecture == architecture
    told = imported.source["assumed"].keys() | {"form", "split", "ratio", "bias"}
    told |= set() if training else {"primary_skip"}
    wanted = checked.to_dict()
    kept = {key for key, value in imported.config.items() if wanted.get(key, value) != value}
    assert kept <= told
    if training:
        assert all(np.array_equal(imported.tensors[name], x) for name, x in tensors.items())
    x = torch.randn(shape)
    back = ghost_torch.weights_io.build(architecture, imported.config, imported.tensors).eval()
    torch.testing.assert_close(back(x), module.eval()(x), rtol=1e-4, atol=1e-4)


def test_constants_that_the_exporter_left_in_the_graph_are_read(tmp_path: Path) -> None:
    module = ghost_torch.GhostBottleneck(4, 8, 6, stride=2, se_ratio=0.25)
    path = tmp_path / "a.onnx"
    exported(module, path, (1, 4, 8, 8), training=True, folding=False)

    imported = import_file(path, "onnx")

    assert imported.architecture == "ghost_bottleneck"
    wanted = ghost_torch.state(module)
    assert all(np.array_equal(imported.tensors[name], x) for name, x in wanted.items())


@pytest.mark.matrix
@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize(
    ("architecture", "config"),
    [MODULES[8], MODULES[9], MODULES[11], MODULES[13], LONG[0], LONG[1], LONG[7]],
)
def test_what_pytorch_exported_by_tracing_comes_back(
    tmp_path: Path, architecture: str, config: dict[str, Any], optimize: bool
) -> None:
    checked, tensors = configure(architecture, config), drawn(architecture, config)
    module, path = (
        ghost_torch.weights_io.build(architecture, config, tensors).eval(),
        tmp_path / "a",
    )
    of_images = {axis: torch.export.Dim(name, min=33) for axis, name in ((2, "h"), (3, "w"))}
    sizes = {0: torch.export.Dim("n"), **of_images}
    x = torch.randn(2, checked.input_channels, 40, 50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (x,), path, dynamo=True, optimize=optimize, external_data=False,
            dynamic_shapes=(sizes,), verbose=False,
        )  # fmt: skip

    imported = import_file(path, "onnx")

    assert imported.architecture == architecture
    assert imported.config.get("form", "training") == ("folded" if optimize else "training")
    if not optimize:
        assert all(np.array_equal(imported.tensors[name], each) for name, each in tensors.items())
    back = ghost_torch.weights_io.build(architecture, imported.config, imported.tensors).eval()
    wanted = module(x)
    assert (back(x) - wanted).abs().max() <= 1e-5 * wanted.abs().max()


@pytest.mark.slow
def test_attention_on_images_of_any_size_is_read_where_it_takes_the_nearest_pixels(
    tmp_path: Path,
) -> None:
    module = ghost_torch.GhostConvV2(4, 8, stride=2)
    axes = {"x": {0: "n", 2: "height", 3: "width"}}
    path = exported(
        module, tmp_path / "a.onnx", (1, 4, 8, 8), training=True, input_names=["x"],
        dynamic_axes=axes,
    )  # fmt: skip

    imported = import_file(path, "onnx")

    assert imported.architecture == "ghost_conv_v2"
    wanted = ghost_torch.state(module)
    assert all(np.array_equal(imported.tensors[name], x) for name, x in wanted.items())

    assert found_after(other_places, path) == ["ghost_conv"]


def found_after(change: Callable[[Any], None], path: Path) -> list[str]:
    """The architectures of the modules in a file once its model is changed."""
    model, changed = onnx.load(path), path.with_name("changed.onnx")
    change(model)
    onnx.save(model, changed)
    return [part.architecture for part in read_parts(changed)]


def first(model: Any, op: str, name: str = "") -> Any:
    return next(node for node in model.graph.node if node.op_type == op and name in node.name)


def other_places(model: Any) -> None:
    """Twice the places of pixels, where it was half of them."""
    first(model, "Div").op_type = "Mul"


def other_eps(model: Any, name: str) -> None:
    node = first(model, "BatchNormalization", name)
    next(each for each in node.attribute if each.name == "epsilon").f = 0.1


def other_gate(model: Any) -> None:
    """HardSigmoid of slope 0.2 where relu6(x + 3) / 6 was."""
    divide, add = first(model, "Div", "se"), first(model, "Add", "se")
    divide.op_type = "HardSigmoid"
    divide.input[:] = add.input[:1]


def other_shortcut(model: Any) -> None:
    node = first(model, "BatchNormalization", "shortcut.1")
    node.output[0], made = "before", node.output[0]
    model.graph.node.append(onnx.helper.make_node("Relu", ["before"], [made]))


def other_mean(model: Any) -> None:
    node = first(model, "ReduceMean", "se")
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1, 2]), "axes"))
    node.input[1] = "axes"


COUNTED = "nodes outside"
CHANGES: dict[str, Callable[[Any], None]] = {
    "eps of the stem": lambda model: other_eps(model, "/bn1"),
    "eps of a block": lambda model: other_eps(model, "ghost2"),
    "eps of the last convolution": lambda model: other_eps(model, "blocks.9"),
    "one gate": other_gate,
    "activation of one shortcut": other_shortcut,
    "mean over channels": other_mean,
}


@pytest.mark.slow
def test_a_network_that_has_no_configuration_is_never_taken_for_one_that_has(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.onnx"
    exported(ghost_torch.GhostNet(width=0.1, num_classes=3), path, (1, 3, 32, 32), training=True)
    assert [part.architecture for part in read_parts(path)] == ["ghostnet"]

    for what, change in CHANGES.items():
        found = found_after(change, path)
        assert "ghostnet" not in found and "ghost_bottleneck" in found, what


def other_channels(model: Any) -> None:
    """Zero channels on one side, where they were on both."""
    last = [node for node in model.graph.node if node.op_type == "Pad"][-1]
    pads = np.array([0, 32, 0, 0, 0, 0, 0, 0])
    model.graph.initializer.append(onnx.numpy_helper.from_array(pads, "pads"))
    last.input[1] = "pads"


def other_pixels(model: Any) -> None:
    """Every second row from the second on."""
    node = first(model, "Slice", "layer2.0/Slice")
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1]), "starts"))
    node.input[1] = "starts"


def without_relu(model: Any) -> None:
    first(model, "Relu", "layer1.0/relu").op_type = "Abs"


RESNET_CHANGES: dict[str, Callable[[Any], None]] = {
    "channels of zeros": other_channels,
    "pixels of a shortcut": other_pixels,
    "a ReLU": without_relu,
    "eps of a block": lambda model: other_eps(model, "layer1.0/bn2"),
}


@pytest.mark.slow
def test_a_network_for_cifar_with_another_shortcut_is_none_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    exported(ghost_torch.GhostResNet20(), path, (1, 3, 8, 8), training=True)
    assert [part.architecture for part in read_parts(path)] == ["ghost_resnet20"]

    for what, change in RESNET_CHANGES.items():
        assert set(found_after(change, path)) == {"ghost_conv"}, what


@pytest.mark.matrix
def test_a_folded_network_of_two_architectures_is_the_one_that_is_asked_for(tmp_path: Path) -> None:
    config = SMALL | {"form": "folded"}
    module = ghost_torch.weights_io.build("ghostnetv3", config, drawn("ghostnetv3", config))
    path = exported(module, tmp_path / "a.onnx", (1, 3, 64, 64), training=False)

    assumed = import_file(path, "onnx")
    asked = import_file(path, "onnx", "ghostnetv3")

    assert assumed.architecture == "ghostnetv2"
    assert assumed.source["assumed"]["architecture"] == "ghostnetv2; ghostnetv3 computes the same"
    assert asked.architecture == "ghostnetv3"
    assert "architecture" not in asked.source["assumed"]
    assert asked.config == configure("ghostnetv3", config).to_dict()


@pytest.mark.slow
def test_what_follows_a_network_is_left_out_and_counted(tmp_path: Path) -> None:
    network = ghost_torch.GhostNet(width=0.1, num_classes=5)
    head = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Linear(5, 2), torch.nn.Softmax(1))
    path = tmp_path / "a.onnx"

    for module, count in ((network, {}), (torch.nn.Sequential(network, head), {COUNTED: 3})):
        exported(module, path, (1, 3, 32, 32), training=False)
        imported = import_file(path, "onnx")
        assert imported.config["num_classes"] == 5
        assert imported.source["dropped"] == count


def of_tensors(*tensors: Any, nodes: int = 0) -> Any:
    relu = [onnx.helper.make_node("Relu", [f"v{i}"], [f"v{i + 1}"]) for i in range(nodes)]
    conv = onnx.helper.make_node("Conv", ["x", "w"], ["y"])
    graph = onnx.helper.make_graph([conv, *relu], "g", [], [], list(tensors))
    return onnx.helper.make_model(graph)


def external() -> bytes:
    tensor = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [1], [1.0])
    tensor.ClearField("float_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return bytes(of_tensors(tensor).SerializeToString())


def claiming() -> bytes:
    tensor = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [1], [1.0])
    tensor.dims[0] = 2**40
    return bytes(of_tensors(tensor).SerializeToString())


def circular() -> bytes:
    """Reshapes that feed each other."""
    pairs = (("Flatten", "a", "b"), ("Flatten", "b", "a"), ("Relu", "c", "c"))
    nodes = [onnx.helper.make_node(op, [source], [target]) for op, source, target in pairs]
    graph = onnx.helper.make_graph(nodes, "g", [], [], [])
    return bytes(onnx.helper.make_model(graph).SerializeToString())


def expanding() -> bytes:
    """Constants that double, and one of as many numbers as nobody has."""
    made = [onnx.numpy_helper.from_array(np.array([2**40]), "c0")]
    nodes = [onnx.helper.make_node("ConstantOfShape", ["c0"], ["huge"])]
    for i in range(60):
        nodes.append(onnx.helper.make_node("Concat", [f"c{i}"] * 2, [f"c{i + 1}"], axis=0))
    graph = onnx.helper.make_graph(nodes, "g", [], [], made)
    return bytes(onnx.helper.make_model(graph).SerializeToString())


def growing() -> bytes:
    """Sizes of an image of any size that double, and many sums of one constant."""
    nodes = [onnx.helper.make_node("Shape", ["x"], ["s0"])]
    for i in range(60):
        nodes.append(onnx.helper.make_node("Concat", [f"s{i}"] * 2, [f"s{i + 1}"], axis=0))
    nodes += [onnx.helper.make_node("Add", [f"k{i}", "k0"], [f"k{i + 1}"]) for i in range(20_000)]
    image = onnx.helper.make_tensor_value_info("x", 1, ["n", 3, "height", "width"])
    made = [onnx.numpy_helper.from_array(np.array([1]), "k0")]
    graph = onnx.helper.make_graph(nodes, "g", [image], [], made)
    return bytes(onnx.helper.make_model(graph).SerializeToString())


def repeating() -> bytes:
    """Ghost modules in a row, each of which is one by itself."""
    nodes = []
    for i in range(2_000):
        nodes += [
            onnx.helper.make_node("Conv", [f"x{i}", "primary"], [f"p{i}"]),
            onnx.helper.make_node("Conv", [f"p{i}", "cheap"], [f"c{i}"]),
            onnx.helper.make_node("Concat", [f"p{i}", f"c{i}"], [f"x{i + 1}"], axis=1),
        ]
    sizes = {"primary": (1, 2, 1, 1), "cheap": (1, 1, 1, 1)}
    made = [onnx.numpy_helper.from_array(np.ones(x, "f4"), name) for name, x in sizes.items()]
    graph = onnx.helper.make_graph(nodes, "g", [], [], made)
    return bytes(onnx.helper.make_model(graph).SerializeToString())


HOSTILE = {
    "repeats": (repeating, "holds modules at p0 (ghost_conv), p1 (ghost_conv)"),
    "grows": (growing, "holds no module that is recognised"),
    "expands": (expanding, "holds no module that is recognised"),
    "names another file": (external, "names other files with its numbers: save it as one file"),
    "claims more than it has": (claiming, "is not a whole ONNX file"),
    "truncated": (lambda: of_tensors(nodes=500).SerializeToString()[:-7], "is not a whole ONNX"),
    "nested": (lambda: b"\x08\x07\x3a" + b"\xff\x7f\x0a" * 3000, "is not a whole ONNX file"),
    "without a module": (
        lambda: of_tensors(nodes=20_000).SerializeToString(), "holds no module that is recognised"
    ),
    "in a circle": (circular, "holds no module that is recognised"),
    "another kind": (lambda: b"<html>", "is not what --from onnx reads: it is an HTML page"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_graph_that_is_none_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    make, words = HOSTILE[kind]
    (tmp_path / "a.onnx").write_bytes(make())

    with soon(), pytest.raises(GhostError) as caught:
        import_file(tmp_path / "a.onnx", "onnx")

    assert words in str(caught.value)
