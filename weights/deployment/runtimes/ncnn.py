"""ncnn's two files, run by ncnn on a CPU, one image at a time."""

from pathlib import Path

import numpy as np

from weights.deployment.notes import Notes, read_beside
from weights.deployment.runtime import Runtime
from weights.deployment.targets import TARGETS
from weights.errors import FormatError
from weights.frameworks import needed

BINARY = "model.ncnn.bin"
# On by default, and less precise than float32.
NARROW = ("use_fp16_storage", "use_fp16_arithmetic", "use_fp16_packed", "use_bf16_storage")


def read_notes(path: Path) -> Notes:
    """Return the notes beside the model; nothing is run."""
    return read_beside(path)


def open_artefact(path: Path, *, threads: int | None = None) -> Runtime:
    """Open the model, in float32."""
    notes = read_notes(path)
    with needed("ncnn", "ncnn"):
        import ncnn
    net = ncnn.Net()
    for option in NARROW:
        setattr(net.opt, option, False)
    if threads:
        net.opt.num_threads = threads
    files = (path / TARGETS["ncnn"].member, path / BINARY)
    if net.load_param(str(files[0])) or net.load_model(str(files[1])):
        raise FormatError(f"{path}: ncnn cannot load it: is it whole?")

    def call(x: np.ndarray) -> np.ndarray:
        with net.create_extractor() as extractor:
            # A Mat does not own the memory of an array: its clone does.
            extractor.input(notes.input, ncnn.Mat(x[0]).clone())
            failed, found = extractor.extract(notes.output)
            if failed:
                raise FormatError(f"{path}: ncnn cannot run it on an image {x.shape[1:]}")
            return np.array(found)[None]

    return Runtime(notes, call)
