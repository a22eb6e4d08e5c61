"""The formats that modules are exported to: one table of what each can, and what it needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from weights.errors import ArgumentError, GhostError
from weights.files.writing import PathLike, check_path, check_place, check_writable
from weights.text import brief

LAYOUTS = ("nchw", "nhwc")
DTYPES = ("float32", "float16", "bfloat16")
DYNAMIC = "dynamic"


@dataclass(frozen=True)
class Target:
    """A format of artefacts.

    Args:
        name: what `--to` and `to=` call it.
        summary: one line of what it is.
        columns: the short names of the frameworks whose modules are written in it.
        extra: the extra of this project that installs `packages`.
        packages: what writes it and runs it, by the names that are imported.
        suffix: the end of its file's name; empty where it is a folder.
        member: the file of a folder by which it is recognised; empty where it is a file.
        layouts: the orders of axes that its input may have.
        dtypes: the types of weights and arithmetic; input and output are float32 whatever it is.
        fixed: the architectures whose height and width it cannot leave open.
        batch: the number of images that one call takes; `None` where it takes any.
        names: those of its input and output.
        is_program: whether to run one is to run machine code out of the file.
    """

    name: str
    summary: str
    columns: tuple[str, ...]
    extra: str
    packages: tuple[str, ...]
    suffix: str = ""
    member: str = ""
    layouts: tuple[str, ...] = LAYOUTS
    dtypes: tuple[str, ...] = DTYPES[:1]
    fixed: tuple[str, ...] = ()
    batch: int | None = None
    names: tuple[str, str] = ("input", "output")
    is_program: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        """The packages that are not installed here."""
        return tuple(name for name in self.packages if find_spec(name) is None)

    def check_column(self, name: str) -> None:
        """Raise `ArgumentError` where the modules of a framework are not written in it."""
        if name not in self.columns:
            raise ArgumentError(
                f"{self.name} must be written from {' or '.join(self.columns)}, got a module of "
                f"{name}: save_weights, and from_file there"
            )

    def check_installed(self) -> None:
        """Raise `GhostError` where a package is missing."""
        if self.missing:
            names = " and ".join(self.missing)
            raise GhostError(
                f"{self.name} needs {names}, not installed here: pip install "
                f"'ghostconv[{self.extra}]'"
            )

    def check_layout(self, layout: object) -> str:
        """Return the layout; raises `ArgumentError` for one that it cannot have."""
        return _choice("layout", layout, LAYOUTS, self.layouts, self.name)

    def check_dtype(self, dtype: object) -> str:
        """Return the type; raises `ArgumentError` for one that it cannot have."""
        return _choice("dtype", dtype, DTYPES, self.dtypes, self.name)

    def check_path(self, path: PathLike, *, overwrite: bool) -> Path:
        """Return the path; raises `GhostError` where no such artefact may be written."""
        check_path(path)
        if self.suffix:
            if not str(path).endswith(self.suffix):
                raise ArgumentError(
                    f"`path` must end in {self.suffix}, as runtimes know files of {self.name} by "
                    f"it, got {brief(str(path))}"
                )
            check_writable(path, overwrite=overwrite)
            return Path(path)
        place = Path(path)
        check_place(place, overwrite=overwrite)
        if place.exists() and not Path(place, self.member).is_file():
            raise GhostError(
                f"cannot write {path}: it is there and no folder of {self.name}, which alone may "
                "be replaced"
            )
        return place

    def is_at(self, path: Path) -> bool:
        """Whether a file or folder looks like one of these, by its name or its members."""
        if self.suffix:
            return path.name.endswith(self.suffix)
        return Path(path, self.member).is_file()


TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        Target(
            "onnx",
            "ONNX, for onnxruntime and most other runtimes",
            columns=("torch", "tf", "jax"),
            extra="onnx",
            packages=("onnx", "onnxruntime"),
            suffix=".onnx",
            dtypes=("float32", "float16"),
        ),
        Target(
            "pt2",
            "a program of torch.export, for PyTorch without this package",
            columns=("torch",),
            extra="torch",
            packages=("torch",),
            suffix=".pt2",
            layouts=("nchw",),
            dtypes=DTYPES,
            is_program=True,
        ),
        Target(
            "aoti",
            "machine code compiled ahead of time, for PyTorch in C++ or Python",
            columns=("torch",),
            extra="torch",
            packages=("torch",),
            suffix=".aoti.pt2",
            layouts=("nchw",),
            dtypes=DTYPES,
            is_program=True,
        ),
        Target(
            "executorch",
            "ExecuTorch with XNNPACK, for phones",
            columns=("torch",),
            extra="executorch",
            packages=("executorch",),
            suffix=".pte",
            layouts=("nchw",),
            # Its programs cannot compare the sizes of the two sides of a shortcut.
            fixed=("ghost_resnet20", "ghost_resnet56"),
        ),
        Target(
            "openvino",
            "OpenVINO's intermediate representation, for Intel's and other processors",
            columns=("torch",),
            extra="openvino",
            packages=("openvino",),
            member="model.xml",
            dtypes=("float32", "float16"),
        ),
        Target(
            "ncnn",
            "ncnn, for phones and small machines",
            columns=("torch",),
            extra="ncnn",
            packages=("ncnn", "pnnx"),
            member="model.ncnn.param",
            layouts=("nchw",),
            dtypes=("float32", "float16"),
            batch=1,
            names=("in0", "out0"),
        ),
        Target(
            "stablehlo",
            "StableHLO, one program for CPU, CUDA, ROCm and TPU, for JAX and other users of XLA",
            columns=("jax",),
            extra="jax",
            packages=("jax", "flatbuffers"),
            suffix=".stablehlo",
            dtypes=DTYPES,
        ),
        Target(
            "saved-model",
            "SavedModel, for TensorFlow and TensorFlow Serving",
            columns=("tf",),
            extra="tf",
            packages=("tensorflow",),
            member="saved_model.pb",
            dtypes=DTYPES,
        ),
        Target(
            "litert",
            "LiteRT (TensorFlow Lite), for phones and small machines",
            columns=("tf",),
            extra="litert",
            packages=("ai_edge_litert",),
            suffix=".tflite",
            dtypes=("float32", "float16"),
        ),
    )
}


def target_named(name: object) -> Target:
    """Return the target of that name; raises `ArgumentError` for an unknown one."""
    if not isinstance(name, str) or name not in TARGETS:
        raise ArgumentError(f"`to` must be one of {', '.join(TARGETS)}, got {brief(name)}")
    return TARGETS[name]


def _choice(
    name: str, value: object, known: Sequence[str], possible: Sequence[str], target: str
) -> str:
    if not isinstance(value, str) or value not in known:
        raise ArgumentError(f"`{name}` must be one of {', '.join(known)}, got {brief(value)}")
    if value not in possible:
        raise ArgumentError(
            f"`{name}` of {target} must be one of {', '.join(possible)}, got {brief(value)}: "
            "its runtime has no other"
        )
    return value
