"""Checkpoints with timm's names: its GhostModule, and the CIFAR Ghost-ResNets made of it."""

from __future__ import annotations

from collections.abc import Iterator

from weights.architectures import ARCHITECTURES
from weights.arithmetic import same_padding, split_channels
from weights.errors import ImportRefused
from weights.ghost_conv import GhostConvConfig
from weights.importers.checkpoints import Checkpoint
from weights.importers.rules import Arguments, Importer, Plan, read_kernels, settle

PRIMARY, CHEAP = "primary_conv.0.weight", "cheap_operation.0.weight"
CIFAR10 = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
# x = (image / divide_by - mean) / std, channel by channel.
CIFAR10_PREPROCESS = {
    "divide_by": 255.0,
    "mean": [0.4914, 0.4822, 0.4465],
    "std": [0.2023, 0.1994, 0.2010],
    "layout": "NHWC",
}
FIXED = {"dilation": (1, 1), "groups": 1, "bn_eps": 1e-5, "bn_momentum": 0.1}


def plan(checkpoint: Checkpoint, architecture: str | None, given: Arguments) -> Plan:
    """The module that names and shapes tell."""
    architecture = architecture or recognise(checkpoint)
    if architecture == "ghost_conv":
        return _plan_ghost_conv(checkpoint, given)
    return _plan_resnet(checkpoint, architecture, given)


def recognise(checkpoint: Checkpoint) -> str:
    """The architecture that the names are of; raises `ImportRefused` where it is none."""
    if PRIMARY in checkpoint.tensors:
        return "ghost_conv"
    blocks = [name for name in checkpoint.tensors if _is_first_stage(name)]
    architecture = f"ghost_resnet{6 * len(blocks) + 2}"
    if architecture in ARCHITECTURES:
        return architecture
    known = ", ".join(name for name in ARCHITECTURES if name != "ghost_conv")
    raise ImportRefused(
        f"{checkpoint.path} is no checkpoint that this importer knows: looked for {PRIMARY!r} "
        f"(ghost_conv) and for 'layer1.0.conv1.{PRIMARY}', 'layer1.1...' ({known}), found "
        f"{len(blocks)} such blocks"
    )


def foreign_name(name: str) -> str:
    """timm's name of a tensor.

    >>> foreign_name("layer1.0.conv1.cheap_conv.0.weight")
    'layer1.0.conv1.cheap_operation.0.weight'
    """
    return name.replace("cheap_conv.", "cheap_operation.")


def differences(config: GhostConvConfig) -> Iterator[str]:
    """Every way in which no GhostModule computes what `config` says."""
    padding = tuple(same_padding(size) for size in config.kernel_size)
    for name, value in (FIXED | {"padding": padding}).items():
        if getattr(config, name) != value:
            yield f"its `{name}` is always {value!r}, the file has {getattr(config, name)!r}"
    channels = config.channels
    if split_channels(config.c_out, channels.multiplier + 1, "ceil") != channels:
        yield f"it never divides {config.c_out} channels into {channels.c_int} + {channels.c_cheap}"


def _plan_ghost_conv(checkpoint: Checkpoint, given: Arguments) -> Plan:
    kernels = read_kernels(checkpoint, PRIMARY, CHEAP)
    channels = kernels.channels
    read = kernels.arguments(given.get("groups", 1))
    read |= {"ratio": channels.multiplier + 1, "split": "ceil"}
    assumed: Arguments = {
        "stride": 1,
        "padding": tuple(same_padding(size) for size in read["kernel_size"]),
        "activation": "relu",
    }
    # timm crops the output to c_out, which leaves no trace in the tensors.
    (assumed if channels.multiplier else read)["c_out"] = channels.c_int + channels.c_cheap
    config, assumed = settle(read, assumed, given)
    return Plan("ghost_conv", config, assumed)


def _plan_resnet(checkpoint: Checkpoint, architecture: str, given: Arguments) -> Plan:
    kernels = read_kernels(checkpoint, f"conv1.{PRIMARY}", f"conv1.{CHEAP}")
    arguments = kernels.arguments()
    read = {"in_chans": arguments["c_in"]}
    if "dw_kernel_size" in arguments:
        read["dw_kernel_size"] = arguments["dw_kernel_size"]
    if "linear.bias" in checkpoint.tensors:
        read["num_classes"] = checkpoint.tensors["linear.bias"].size
    config, _ = settle(read, {}, given)
    if (config.get("num_classes"), config["in_chans"]) != (10, 3):
        return Plan(architecture, config, {})
    assumed = {"preprocess": "CIFAR-10", "classes": "CIFAR-10"}
    return Plan(architecture, config, assumed, CIFAR10_PREPROCESS, CIFAR10)


def _is_first_stage(name: str) -> bool:
    stage, _, rest = name.partition(".")
    index, _, rest = rest.partition(".")
    return stage == "layer1" and index.isdigit() and rest == f"conv1.{PRIMARY}"


TIMM = Importer("timm", tuple(ARCHITECTURES), plan, foreign_name, differences)
