"""The README's commands, by the extras that they need; `tests/project/machines.py` runs them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
DOCS = README.parent / "docs"
PAGE = DOCS / "implementing-from-the-specification.md"
(EXAMPLE,) = re.findall(r"^ghost-conformance run .*", PAGE.read_text(), re.MULTILINE)
CASE = "k3-s1-p1-r2-dw3-c3x16-9x7-n2-normal"
TIERS = "--tier contract --tier exact --tier special --tier training --tier weights"
KERAS_FILE = """
import ghost_tf
network = ghost_tf.from_file("network.safetensors")
network.save("network.keras")
"""
HUB = """
from weights import GhostError, hub
try:
    hub.fetch("timm/ghostnet_100.in1k", cache_dir="empty", offline=True)
except GhostError as error:
    print(error)
"""

# What `tests.weights.found.twins.paddle` writes.
PADDLE = "GhostNet_x0_1_pretrained.pdparams"
OWN_NETWORK = """
from weights import FileModule, read_file, write_modules
file = read_file("layer.safetensors")
write_modules("own.safetensors", [FileModule("a", file.architecture, file.config, file.tensors)])
"""
GRAPH = """
import torch, ghost_torch
network = ghost_torch.from_file("network.safetensors").eval()
torch.onnx.export(network, (torch.zeros(1, 3, 32, 32),), "network.onnx", external_data=False)
"""
# PyPI's torchvision has its operators for CUDA alone and does not import without them; timm needs
# none of them, so that declarations do.
TIMM = """
import re
from importlib.util import find_spec
from pathlib import Path
import torch
page = Path(find_spec("torchvision").origin).with_name("_meta_registrations.py").read_text()
for name in {a or b for a, b in re.findall(r'torchvision::(\\w+)|register_meta\\("(\\w+)', page)}:
    torch.library.define(f"torchvision::{name}", "(Tensor x) -> Tensor")
import timm, ghost_torch
from ghost_torch.timm_models import register_with_timm
from weights import GhostError
names = register_with_timm()
assert register_with_timm() == names and set(timm.list_models("ghostconv_*")) == set(names)
assert type(timm.create_model("ghostnet_050")).__module__.startswith("timm")
network = timm.create_model("ghostconv_ghostnet_050", num_classes=3, drop_rate=0.1).eval()
assert type(network) is ghost_torch.GhostNet and network.config["dropout"] == 0.1
ghost_torch.save_weights(network, "by_timm.safetensors")
again = timm.create_model("ghostconv_ghostnet_050", pretrained="by_timm.safetensors", num_classes=3)
x = torch.ones(1, 3, 64, 64)
assert torch.equal(again.eval()(x), network(x))
assert len(timm.create_model("ghostconv_ghostnet_050", features_only=True)(x)) == 5
for name, wrong in (("ghost_vgg16", {"pretrained": True}), ("ghostnet_050", {"cache_dir": "x"})):
    try:
        timm.create_model(f"ghostconv_{name}", **wrong)
    except GhostError as error:
        print(error)
"""


@dataclass(frozen=True)
class Step:
    """A command, and what it must print and exit with."""

    command: tuple[str, ...]
    wanted: str = ""
    code: int = 0


@dataclass(frozen=True)
class Environment:
    """What is installed, what runs there, and which implementation also runs whole tiers."""

    extras: str
    steps: tuple[Step, ...]
    implementation: str = ""


def step(text: str, wanted: str = "", code: int = 0) -> Step:
    """A command line of ours."""
    return Step(tuple(text.split()), wanted, code)


def python(code: str, wanted: str = "") -> Step:
    """A program."""
    return Step(("python", "-c", code), wanted)


def template(framework: str) -> tuple[Step, ...]:
    """A network of a user's own in a file, and its skeleton."""
    return (
        python(OWN_NETWORK),
        step(f"ghost-weights template own.safetensors --to {framework}", "GhostConv("),
    )


def block(number: int) -> Step:
    """A block of Python in the README."""
    return python(_blocks(README)[number])


def diverging() -> tuple[Step, ...]:
    """The two networks of the page on ports that diverge, and the command that compares them."""
    names = ("torch_net.py", "keras_net.py")
    files = dict(zip(names, _blocks(DOCS / "where-a-port-diverges.md"), strict=True))
    return (
        python(f"for name, text in {files!r}.items(): open(name, 'w').write(text)"),
        step("ghost-conformance parity --torch torch_net:build --tf keras_net:build",
             "the activation is gelu with tanh", code=1),
    )  # fmt: skip


def _blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


def modes(package: str, names: str, trained: str = "") -> tuple[Step, ...]:
    """Ways of running: a case of inference for each, and one of training for those that can."""
    return tuple(
        run_cases(" ".join(f"{package}:{name}" for name in chosen.split()), f"--tier {tier}")
        for tier, chosen in (("module", names), ("training", trained))
        if chosen
    )


def run_cases(names: str, options: str) -> Step:
    """The suite on one case, of these implementations."""
    chosen = " ".join(f"--implementation {name}" for name in names.split())
    return step(f"ghost-conformance run {chosen} {options} --case {CASE}", " passed")


def round_trip(exporter: str, importer: str, file: str) -> tuple[Step, ...]:
    """A file written as another tool reads it, and imported again to the same tensors."""
    back = f"{importer}-again.safetensors"
    return (
        step(f"ghost-weights export --to {exporter} network.safetensors -o {file}"),
        step(f"ghost-weights import --from {importer} {file} -o {back}"),
        step(f"ghost-weights diff network.safetensors {back}"),
    )  # fmt: skip


ENVIRONMENTS = (
    Environment("", (
        step("ghost-weights inspect layer.safetensors"),
        step("ghost-weights verify layer.safetensors"),
        step("ghost-weights summary ghostnet_100", "5,182,508"),
        *round_trip("timm", "timm", "timm.safetensors"),
        *round_trip("npz", "npz", "network.npz"),
        step(f"ghost-weights import --from paddle {PADDLE} -o p.safetensors", "ghostnet"),
        step("ghost-weights predict network.safetensors picture.png",
             "a network needs one of the frameworks to run", code=1),
        run_cases("oracle", "--tier module"),
        step("ghost-conformance run", "nothing ran: install one of the frameworks", code=3),
        step("ghost-conformance list"),
    )),
    Environment("torch", (
        block(0), *round_trip("timm", "timm", "network.pth"), *template("torch"),
        *modes("ghost_torch.modes",
               "compiled exported channels_last one_by_one float64 bfloat16 float16",
               trained="compiled channels_last"),
        step("ghost-conformance parity network.safetensors", "no stage differs"),
    ), "ghost_torch"),
    Environment("jax", (
        block(1), *round_trip("flax-msgpack", "flax-msgpack", "network.msgpack"),
        *round_trip("orbax", "orbax", "orbax"), *template("jax"),
        *modes("ghost_jax.modes",
               "eager pure stablehlo vmapped one_by_one float64 bfloat16 float16",
               trained="eager"),
        step("ghost-conformance parity network.safetensors", "no stage differs"),
    ), "ghost_jax"),
    Environment("tf", (
        block(2), *round_trip("keras-h5", "keras", "network.weights.h5"), python(KERAS_FILE),
        step("ghost-weights import --from keras network.keras -o k.safetensors"), *template("tf"),
        *modes("ghost_tf.modes",
               "graph xla saved_model predict channels_first one_by_one float64 bfloat16 float16",
               trained="graph xla"),
        step("ghost-conformance parity network.safetensors", "no stage differs"),
    ), "ghost_tf"),
    Environment("tf,jax", modes("ghost_tf.backends", "jax", trained="jax")),
    Environment("tf,torch", (
        *modes("ghost_tf.backends", "torch", trained="torch"), *diverging(),
    )),
    Environment("predict,torch", (
        step("ghost-weights predict network.safetensors picture.png --framework all", "tf"),
    )),
    Environment("hub", (python(HUB, "timm/ghostnet_100.in1k"),)),
    Environment("onnx", (
        *modes("ghost_torch.modes", "onnx"), python(GRAPH),
        step("ghost-weights import --from onnx network.onnx -o o.safetensors", "ghost_resnet20"),
    )),
    Environment("timm", (
        python(TIMM, "`cache_dir` must be None for ghostconv_ghostnet_050"),
    )),
    Environment("litert", modes("ghost_tf.modes", "litert")),
    Environment("mlx", (step(EXAMPLE, " passed"),)),
    Environment("conformance", (
        step("ghost-conformance run --tier network --report report", "images right"),
        step("ghost-conformance selftest --mutant eps-0.001"),
        step("python -m pytest --pyargs conformance -c /dev/null --rootdir . -q "
             "--ghost-implementation ghost_torch --ghost-tier exact", " passed"),
    )),
)  # fmt: skip
