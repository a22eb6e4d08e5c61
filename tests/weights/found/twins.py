"""Checkpoints as they are found: shared files, and twins of others with numbers of their own.

`CHECKPOINTS` are those of `docs/checkpoints.md`; `python -m tests.weights.found.page` writes it.
"""

from __future__ import annotations

import argparse
import json
import pickle
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from tests.reference_files import SHARED
from weights import configure
from weights.importers import IMPORTERS
from weights.layout import to_channels_last, to_depth_multiplier
from weights.tensors import DEPTHWISE, LINEAR, RUNNING_VAR, TensorSpec

Tensors = dict[str, np.ndarray]
Make = Callable[[Path], Path]
SMALL = {"width": 0.1, "num_classes": 3}
NORM_HEAD = SMALL | {"head": "norm", "se_rounding": "floor"}
YOLO = {"split": "floor", "dw_kernel_size": 5, "activation": "silu", "bn_eps": 1e-3}
BODY_MAP = '[names]\n"stem.*" = "conv_stem.*"\n"body.*.*.**" = "blocks.*.*.**"\n"aux.**" = ""\n'
KERAS_VARIABLES = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint: what it is of, how it is made, and what `ghost-weights import` is asked."""

    name: str
    make: Make
    arguments: tuple[str, ...]
    # Whether making it takes seconds.
    is_long: bool = False


def drawn(architecture: str, config: Mapping[str, Any], seed: int = 0) -> dict[TensorSpec, Any]:
    """Numbers for every tensor, variances positive."""
    generator = np.random.default_rng(seed)
    specs = configure(architecture, config).tensors()
    raw = {spec: generator.normal(size=spec.shape).astype(np.float32) for spec in specs}
    return {spec: np.exp(x) if spec.kind == RUNNING_VAR else x for spec, x in raw.items()}


def state(importer: str, architecture: str, config: Mapping[str, Any], seed: int = 0) -> Tensors:
    """A state dict with the names of that importer."""
    rules = IMPORTERS[importer]
    return {
        rules.foreign_name(spec.name): x for spec, x in drawn(architecture, config, seed).items()
    }


def saved(name: str, content: Callable[[], Any]) -> Make:
    """A file of torch.save, its arrays as tensors."""

    def make(folder: Path) -> Path:
        import torch

        torch.save(_as_torch(torch, content()), folder / name)
        return folder / name

    return make


def _as_torch(torch: Any, value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    if isinstance(value, dict):
        return type(value)((key, _as_torch(torch, x)) for key, x in value.items())
    return value


def shared(name: str) -> Make:
    """A file of ../shared."""
    return lambda folder: SHARED / name


def written(name: str, data: bytes) -> Make:
    """A file of those bytes."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def under(prefix: str, tensors: Tensors) -> Tensors:
    """Tensors with a prefix."""
    return {prefix + name: array for name, array in tensors.items()}


def timm(**config: Any) -> Tensors:
    """A small GhostNet under timm's names."""
    return state("timm", "ghostnet", SMALL | config)


def training_checkpoint() -> dict[str, Any]:
    """What a training script saves: weights twice, and everything else."""
    weights = state("huawei", "ghostnetv3", SMALL)
    momentum = {number: {"momentum_buffer": np.ones(2)} for number in range(2)}
    return {
        "epoch": 3, "arch": "ghostnetv3", "state_dict": weights, "state_dict_ema": weights,
        "optimizer": {"state": momentum, "param_groups": []}, "args": argparse.Namespace(lr=0.1),
        "metric": np.float64(77.1), "amp_scaler": {"scale": 65536.0},
    }  # fmt: skip


def yolo() -> dict[str, Any]:
    """The state dict of a detector with ghost modules."""
    conv = state("ultralytics", "ghost_conv", {"c_in": 8, "c_out": 16} | YOLO)
    c3 = state("ultralytics", "c3_ghost", {"c1": 16, "c2": 16})
    first = {"model.0.conv.weight": np.ones((8, 3, 3, 3), np.float32)}
    return {"model": first | under("model.1.", conv) | under("model.2.", c3), "epoch": -1}


def renamed() -> Tensors:
    """A GhostNet whose author called its parts otherwise."""
    pairs = (("conv_stem", "stem"), ("blocks.", "body."))
    tensors = timm()
    for old, new in pairs:
        tensors = {name.replace(old, new): array for name, array in tensors.items()}
    return tensors | {"aux.weight": np.ones((2, 2), np.float32)}


def with_map(folder: Path) -> Path:
    """That network, and the map beside it."""
    (folder / "map.toml").write_text(BODY_MAP)
    return saved("mine.pth", renamed)(folder)


def wrapped_head(folder: Path) -> Path:
    """A fine-tuned network with the classifier in a Sequential."""
    tensors = {name.replace("classifier.", "classifier.1."): x for name, x in timm().items()}
    save_file(tensors, folder / "finetuned.safetensors")
    return folder / "finetuned.safetensors"


def pickled(folder: Path) -> Path:
    """A whole module, pickled."""
    import torch

    torch.save({"model": torch.nn.Conv2d(1, 1, 1), "epoch": -1}, folder / "best.pt")
    return folder / "best.pt"


def paddle(folder: Path) -> Path:
    """A file of PaddleClas: linear layers are (I, O), those of the attention too."""
    rules, tensors = IMPORTERS["paddle"], {}
    for spec, array in drawn("ghostnet", NORM_HEAD).items():
        is_linear = ".se." in spec.name and array.ndim == 4
        turned = array[:, :, 0, 0].T if is_linear else array.T if spec.kind == LINEAR else array
        tensors[rules.foreign_name(spec.name)] = np.ascontiguousarray(turned)
    names = {"StructuredToParameterName@@": {name: name for name in tensors}}
    path = folder / "GhostNet_x0_1_pretrained.pdparams"
    path.write_bytes(pickle.dumps(tensors | names, protocol=4))
    return path


def keras_layers(importer: str, architecture: str) -> dict[str, Tensors]:
    """The variables of a network in Keras' layout, by layer and name."""
    layers: dict[str, Tensors] = {}
    for spec, array in drawn(architecture, SMALL).items():
        layer, _, variable = IMPORTERS[importer].foreign_name(spec.name).rpartition(".")
        is_depthwise = spec.kind == DEPTHWISE
        made = to_depth_multiplier(array, array.shape[0]) if is_depthwise else to_channels_last(
            array, spec
        )  # fmt: skip
        layers.setdefault(layer, {})[variable] = made
    return layers


def kecam(folder: Path, architecture: str = "ghostnetv2") -> Path:
    """A file of Keras 2, as keras_cv_attention_models publishes them."""
    import h5py

    path = folder / "ghostnetv2_010_imagenet.h5"
    with h5py.File(path, "w") as file:
        for layer, variables in keras_layers("kecam", architecture).items():
            for name, array in variables.items():
                depthwise = "depthwise_" if "dw_conv" in layer and name == "kernel" else ""
                file[f"{layer}/{layer}/{depthwise}{name}:0"] = array
    return path


def kimm(folder: Path, architecture: str = "ghostnet") -> Path:
    """A file of Keras 3, as kimm publishes them: layers by number, their names in config.json."""
    import h5py

    path, listed = folder / "ghostnet_010.keras", []
    with h5py.File(folder / "model.h5", "w") as file:
        seen: dict[str, int] = {}
        for layer, variables in keras_layers("kimm", architecture).items():
            kind = _keras_class(layer)
            place = {"Conv2D": "conv2d", "DepthwiseConv2D": "depthwise_conv2d", "Dense": "dense"}
            stored = place.get(kind, "batch_normalization")
            number = seen.setdefault(stored, 0)
            seen[stored] += 1
            listed.append({"class_name": kind, "config": {"name": layer}})
            group = f"layers/{stored}" + (f"_{number}" if number else "")
            order = [name for name in KERAS_VARIABLES if name in variables]
            for index, name in enumerate(order):
                file[f"{group}/vars/{index}"] = variables[name]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", json.dumps({"config": {"layers": listed}}))
        archive.writestr("model.weights.h5", (folder / "model.h5").read_bytes())
    return path


def _keras_class(layer: str) -> str:
    if layer.endswith("_bn"):
        return "BatchNormalization"
    if layer == "classifier":
        return "Dense"
    return "DepthwiseConv2D" if layer.endswith("dwconv2d") else "Conv2D"


def exported(
    module: Any, path: Path, shape: tuple[int, ...], *, training: bool, folding: bool = True,
    **options: Any,
) -> Path:  # fmt: skip
    """A file that PyTorch wrote, with the batch normalisations in the graph or folded."""
    import torch

    mode = torch.onnx.TrainingMode
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(), torch.zeros(shape), path, dynamo=False,
            training=mode.PRESERVE if training else mode.EVAL, do_constant_folding=folding,
            **options,
        )  # fmt: skip
    return path


def graph(architecture: str, config: Mapping[str, Any], **options: Any) -> Make:
    """An ONNX file that PyTorch wrote of a network of 3 classes."""

    def make(folder: Path) -> Path:
        import ghost_torch

        whole = {"num_classes": 3, **config}
        tensors = {spec.name: array for spec, array in drawn(architecture, whole).items()}
        module = ghost_torch.weights_io.build(architecture, whole, tensors)
        path, shape = folder / f"{architecture}.onnx", (1, 3, 64, 64)
        return exported(module, path, shape, training=False, input_names=["x"], **options)

    return make


def tensorflow(folder: Path) -> Path:
    """The index of Huawei's TensorFlow checkpoint."""
    return written("GhostNet.ckpt.index", b"\0" * 64)(folder)


# Images of any number, height and width.
ANY_SIZE = {"x": {0: "n", 2: "height", 3: "width"}}
THIN = {"width": 0.1}
LANDMARKS = "wild/PFLD_GhostNet_112_1_opt_sim.onnx"
D_LI14 = NORM_HEAD | {"shortcut_kernel_size": 3}
CHECKPOINTS = [
    Checkpoint(
        "Ghost-ResNet-56 of CIFAR-10, `.weights`", shared("wild/ghost_resnet56_kopi.weights"),
        ("timm", "--preprocess", "0.5 0.5"),
    ),
    Checkpoint(
        "Ghost-ResNet-56 of CIFAR-10", shared("trained/ghost_resnet56_cifar10.safetensors"),
        ("timm",),
    ),
    Checkpoint("face landmarks in ONNX, folded", shared(LANDMARKS), ("onnx", "--module", "*")),
    Checkpoint(
        "GhostNet in ONNX, folded, for images of any size",
        graph("ghostnet", THIN, dynamic_axes=ANY_SIZE), ("onnx",), is_long=True,
    ),
    Checkpoint(
        "GhostNetV2 in ONNX, folded, for images of any size",
        graph("ghostnetv2", THIN, dynamic_axes=ANY_SIZE), ("onnx",), is_long=True,
    ),
    Checkpoint(
        "GhostNetV3 in ONNX, folded, with its branches",
        graph("ghostnetv3", THIN), ("onnx",), is_long=True,
    ),
    Checkpoint(
        "GhostNetV3 in ONNX, folded, its branches merged",
        graph("ghostnetv3", THIN | {"form": "deployed"}),
        ("onnx", "--architecture", "ghostnetv3"), is_long=True,
    ),
    Checkpoint(
        "RepGhostNet in ONNX, folded, with its branches",
        graph("repghostnet", THIN), ("onnx",), is_long=True,
    ),
    Checkpoint(
        "Ghost-ResNet-20 in ONNX, folded", graph("ghost_resnet20", {}), ("onnx",), is_long=True
    ),
    Checkpoint("Ghost-VGG-16 in ONNX, folded", graph("ghost_vgg16", {}), ("onnx",), is_long=True),
    Checkpoint(
        "GhostConv of ultralytics after `fuse()`", shared("wild/fused_ghost_conv.pth"),
        ("ultralytics",),
    ),
    Checkpoint(
        "timm ghostnet_050", shared("peers/timm_ghostnet_050.state_dict.safetensors"), ("timm",)
    ),
    Checkpoint(
        "timm ghostnetv2_050", shared("peers/timm_ghostnetv2_050.state_dict.safetensors"),
        ("timm",),
    ),
    Checkpoint(
        "timm ghostnetv3_050", shared("peers/timm_ghostnetv3_050.state_dict.safetensors"),
        ("timm",),
    ),
    Checkpoint(
        "Huawei GhostNetV2 with counters of thop",
        saved("ck_ghostnetv2.pth.tar", lambda: state("huawei", "ghostnetv2", SMALL) | {
            "total_ops": np.zeros(1), "conv_stem.total_params": np.zeros(1)
        }),
        ("huawei",),
    ),
    Checkpoint(
        "Huawei GhostNetV3: training checkpoint with averages, optimiser, `args`",
        saved("model_best.pth.tar", training_checkpoint), ("huawei",),
    ),
    Checkpoint(
        "CIFAR network of `nn.DataParallel` with a NumPy accuracy",
        saved("ckpt.pth", lambda: {
            "net": under("module.", state("timm", "ghost_resnet20", {})),
            "acc": np.float64(92.1), "epoch": 199,
        }),
        ("timm",),
    ),
    Checkpoint(
        "Lightning checkpoint, network under `net.`",
        saved("epoch=9.ckpt", lambda: {
            "epoch": 9, "state_dict": OrderedDict(under("net.", timm())),
            "optimizer_states": [{"state": {}}], "hyper_parameters": {"lr": 0.1},
        }),
        ("timm",),
    ),
    Checkpoint(
        "student and teacher in one state dict",
        saved("distilled.pt", lambda: under("student.", timm()) | under("teacher.", timm())),
        ("timm",),
    ),
    Checkpoint(
        "the same, the student asked for",
        saved("distilled.pt", lambda: under("student.", timm()) | under("teacher.", timm())),
        ("timm", "--module", "student"),
    ),
    Checkpoint(
        "backbone of a detector",
        saved("detector.pth", lambda: {"meta": {"epoch": 1}, "state_dict": {
            **under("backbone.", timm(num_classes=0)), "head.weight": np.ones((4, 4, 1, 1)),
        }}),
        ("timm", "--module", "backbone"),
    ),
    Checkpoint("fine-tuned network with `classifier.1`", wrapped_head, ("timm",)),
    Checkpoint(
        "network whose author has other names", with_map, ("timm", "--map", "{folder}/map.toml")
    ),
    Checkpoint(
        "state dict of a YOLO with ghost modules", saved("yolo.pt", yolo),
        ("ultralytics", "--module", "*"),
    ),
    Checkpoint("`best.pt` of ultralytics: a pickled module", pickled, ("ultralytics",)),
    Checkpoint(
        "d-li14 ghostnet_1x", saved("ghostnet_1x.pth", lambda: state("d-li14", "ghostnet", D_LI14)),
        ("d-li14",),
    ),
    Checkpoint("PaddleClas GhostNet `.pdparams`", paddle, ("paddle",)),
    Checkpoint("kimm GhostNet `.keras`", kimm, ("kimm",)),
    Checkpoint("keras_cv_attention_models GhostNetV2 `.h5`", kecam, ("kecam",)),
    Checkpoint("Huawei GhostNet for TensorFlow", tensorflow, ("huawei",)),
    Checkpoint(
        "git-lfs pointer called `.pth`",
        written("a.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:0"), ("timm",),
    ),
    Checkpoint("page of a failed download", written("b.pth", b"<!DOCTYPE html>"), ("timm",)),
    Checkpoint(
        "ncnn `.param` called `.pt`", written("c.pt", b"7767517\n75 83\nInput x 0 1 d\n"), ("timm",)
    ),
]  # fmt: skip
