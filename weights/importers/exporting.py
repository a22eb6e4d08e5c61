"""From an interchange file to a foreign checkpoint."""

import io
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from weights.checks import choice
from weights.errors import GhostError
from weights.files.file import WeightFile
from weights.files.storage import PathLike, write_safetensors
from weights.files.writing import check_writable, write_atomically
from weights.importers.checkpoints import Description
from weights.importers.containers.container import Container
from weights.importers.importer import Importer
from weights.importers.pickling.state_dicts import EXPORTED
from weights.importers.registry import EXPORTERS, IMPORTERS
from weights.modules.forms import FOLDED
from weights.networks.architectures import Config, configure
from weights.networks.resnet import GhostResNetConfig
from weights.networks.vgg import GhostVGGConfig

SAFETENSORS = ".safetensors"
TORCH_SUFFIXES = (".pt", ".pth", ".pth.tar", ".bin", ".ckpt")


def export_file(
    file: WeightFile, exporter: str, path: PathLike, *, overwrite: bool = False
) -> None:
    """Write an interchange file as another tool reads it. The inverse of `import_file`.

    A state dict is written as safetensors, or by torch.save where `path` ends in .pt or .pth, with
    a description of the module where other tools pass over it. `exporter` is one of `EXPORTERS`.

    Raises `GhostError` where the other tool cannot hold what the file describes, or where `path`
    has another suffix, or exists and `overwrite` is false.
    """
    rules = EXPORTERS[choice("exporter", exporter, tuple(EXPORTERS))]
    if isinstance(rules, Container):
        rules.write(file, path, overwrite)
        return
    _check_suffix(path)
    tensors, description = export_tensors(file, rules.name), Description.of(file).to_json()
    if suffix_of(path) in TORCH_SUFFIXES:
        check_writable(path, overwrite=overwrite)
        write_atomically(Path(path), torch_bytes(tensors, description), overwrite=overwrite)
    else:
        # Other tools refuse a file without the `format`.
        metadata = {"format": "pt", EXPORTED: description}
        write_safetensors(path, tensors, metadata, overwrite=overwrite)


def _check_suffix(path: PathLike) -> None:
    """Raise `GhostError` for the suffix of another type of file."""
    known = (SAFETENSORS, *TORCH_SUFFIXES)
    if suffix_of(path) not in ("", *known):
        raise GhostError(
            f"a state dict is written as one of {', '.join(known)}, got {path}: other tools tell "
            "the kind of a file by its suffix"
        )


def suffix_of(path: PathLike) -> str:
    """Return the suffix of a file, in lower case.

    >>> suffix_of("model.pth.tar"), suffix_of("model_best.SAFETENSORS")
    ('.pth.tar', '.safetensors')
    """
    name = Path(path).name.lower()
    return ".pth.tar" if name.endswith(".pth.tar") else Path(name).suffix


def torch_bytes(tensors: Mapping[str, np.ndarray], description: str) -> bytes:
    """Return what torch.save writes of a state dict with these arrays.

    The description is put into the `_metadata` of the state dict: no key is added, and
    `load_state_dict` passes over it.
    """
    try:
        import torch
    except ImportError:
        raise GhostError(
            "writing .pt and .pth files needs PyTorch: install it, or write .safetensors"
        ) from None
    stream = io.BytesIO()
    state = OrderedDict((name, _to_tensor(torch, array)) for name, array in tensors.items())
    state._metadata = OrderedDict({"": {EXPORTED: description}})  # type: ignore[attr-defined]
    torch.save(state, stream)
    return stream.getvalue()


def _to_tensor(torch: Any, array: np.ndarray) -> Any:
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.int16).copy()).view(torch.bfloat16)
    return torch.from_numpy(array.copy())


def export_tensors(file: WeightFile, exporter: str) -> dict[str, np.ndarray]:
    """Return the tensors of an interchange file under the names of another tool's state dict.

    Raises `GhostError` where the foreign class cannot compute what the file describes.
    """
    names = tuple(name for name in EXPORTERS if name in IMPORTERS)
    rules = IMPORTERS[choice("exporter", exporter, names)]
    refuse_differences(file, rules)
    return {rules.foreign_name(name): array for name, array in file.tensors.items()}


def refuse_differences(file: WeightFile, rules: Importer) -> None:
    """Raise `GhostError` where the foreign class computes something else with these tensors."""
    if file.architecture not in rules.architectures:
        known = ", ".join(rules.architectures)
        raise GhostError(f"{rules.name} has {known} only, the file holds a {file.architecture}")
    if file.config.get("form") == FOLDED:
        raise GhostError(
            f"{rules.name} has batch normalisations, the file is in form 'folded' without: export "
            "the module in form 'training'"
        )
    problems = dict.fromkeys(
        problem for config in _parts(file) for problem in rules.differences(config)
    )
    if problems:
        raise GhostError(
            f"a state dict of {rules.name} cannot say what the file says: {'; '.join(problems)}"
        )


def _parts(file: WeightFile) -> Iterator[Config]:
    """Yield the configurations that have a foreign class."""
    config = configure(file.architecture, file.config)
    match config:
        case GhostResNetConfig():
            yield config.stem
            for convolutions in config.convolutions.values():
                yield from convolutions
        case GhostVGGConfig():
            yield from (convolution for stage in config.stages for convolution in stage)
        case _:
            yield config
