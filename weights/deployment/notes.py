"""The notes that an artefact carries: what it computes, and what its input must be."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from weights import checks, strict_json
from weights.deployment.targets import LAYOUTS
from weights.errors import ArgumentError, FormatError
from weights.files.digests import canonical_json
from weights.files.metadata import check_about
from weights.files.settings import Preprocess
from weights.files.storage import read_bytes
from weights.limits import HEADER
from weights.networks.architectures import Config, configure
from weights.text import brief, listed
from weights.version import __version__

# The entry of an artefact's metadata, and the file beside artefacts that have none.
ENTRY, FILE = "ghost_weights", "ghost_weights.json"
FORMS = ("training", "deployed")
INT8 = "int8"
TYPES = ("float32", "float16", "bfloat16", INT8)
NAME = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")
DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Notes:
    """What an artefact is, in words that every runtime can carry.

    Args:
        architecture: that of the module that was exported, with `config`, its arguments.
        config: the arguments of the module as it was given.
        weights_sha256: the content digest of its weights, as in the interchange file.
        form: `training`, or `deployed` where batch normalisations are folded in the artefact.
        layout: the order of the axes of input and output, `nchw` or `nhwc`.
        batch: the number of images of one call; `None` where any is right.
        size: height and width of the input; `None` where any are right.
        dtype: the type of weights and arithmetic.
        input: the name of the input, where the runtime has names.
        output: the name of the output.
        preprocess: the settings that make an image the input.
        classes: the names of the classes, in the order of the logits.
        producer: this package and its version.

    Raises `ArgumentError` for what no artefact has.
    """

    architecture: str
    config: Mapping[str, Any] = field(repr=False)
    weights_sha256: str = field(repr=False)
    form: str = "deployed"
    layout: str = "nchw"
    batch: int | None = None
    size: tuple[int, int] | None = None
    dtype: str = "float32"
    input: str = "input"
    output: str = "output"
    preprocess: Preprocess | None = field(default=None, repr=False)
    classes: tuple[str, ...] | None = field(default=None, repr=False)
    producer: str = f"ghostconv {__version__}"

    def __post_init__(self) -> None:
        checks.choice("form", self.form, FORMS)
        checks.choice("layout", self.layout, LAYOUTS)
        checks.choice("dtype", self.dtype, TYPES)
        if self.batch is not None:
            checks.integer("batch", self.batch, minimum=1)
        plan = self.plan
        if self.size is not None:
            object.__setattr__(self, "size", checks.pair("size", self.size, minimum=1))
            plan.check_sizes(self.size)
        for name in ("input", "output", "producer"):
            _check_text(name, getattr(self, name), NAME)
        _check_text("weights_sha256", self.weights_sha256, DIGEST)
        about = {"preprocess": self.preprocess, "classes": self.classes}
        check_about({name: value for name, value in about.items() if value is not None})
        if self.classes is not None:
            object.__setattr__(self, "classes", tuple(self.classes))

    @property
    def plan(self) -> Config:
        """The checked configuration of the module."""
        return configure(self.architecture, self.config)

    def to_json(self) -> str:
        """Return the notes as canonical JSON; what is not known is left out."""
        found = {name: value for name, value in asdict(self).items() if value is not None}
        return canonical_json(found).decode()

    @classmethod
    def from_json(cls, path: object, text: str | bytes) -> "Notes":
        """Read the notes of the artefact at `path`; raises `FormatError` for anything else."""
        what = f"{path}: the notes of this project in it"
        if len(text) > HEADER.value:
            raise FormatError(f"{what} have {len(text)} bytes, more than {HEADER.value}")
        found = strict_json.loads(text, what)
        known = cls.__dataclass_fields__
        if not isinstance(found, dict) or not found.keys() <= known.keys():
            strange = found.keys() - known.keys() if isinstance(found, dict) else [brief(found)]
            raise FormatError(f"{what} must be an object without {listed(sorted(strange))}")
        try:
            return cls(**found)
        except (ArgumentError, TypeError) as error:
            raise FormatError(f"{what} are wrong: {brief(str(error))}") from None


def read_beside(folder: Path) -> Notes:
    """Return the notes in the file that stands beside an artefact which cannot carry any."""
    return Notes.from_json(folder, read_bytes(folder / FILE))


def write_beside(folder: Path, notes: Notes) -> None:
    """Write the notes into a folder, for `read_beside`."""
    (folder / FILE).write_text(notes.to_json())


def _check_text(name: str, value: object, pattern: re.Pattern[str]) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ArgumentError(f"`{name}` must be text such as {pattern.pattern}, got {brief(value)}")
