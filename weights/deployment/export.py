"""An artefact written, read back and proved before it has its name."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from weights import checks
from weights.columns.column import Column
from weights.deployment.artefacts import open_artefact
from weights.deployment.call import ExportCall, Size
from weights.deployment.exported import Exported, described
from weights.deployment.notes import FORMS, INT8, Notes
from weights.deployment.proof import Judges, Network, Proof, prove
from weights.deployment.quantising.equalising import equalised
from weights.deployment.quantising.quantise import Int8, quantise, quantiser_of
from weights.deployment.runtime import Runtime
from weights.deployment.targets import DYNAMIC, TARGETS, Target, target_named
from weights.errors import ArgumentError, GhostError, UnsupportedError
from weights.files.file import WeightFile
from weights.files.folders import new_place
from weights.files.writing import PathLike
from weights.networks.architectures import configure
from weights.tensors import NORM_WEIGHT
from weights.text import brief

# Writes an inference module, in the form that its notes say, as an artefact with these notes.
Writer = Callable[[Any, Path, Notes], None]


class Exporter(ExportCall, ABC):
    """How a framework's modules become artefacts.

    `writers` has a function for every target that it writes, `layout` is the order of axes that its
    users are used to, `fixed` has the architectures whose height and width its converter to a
    target cannot leave open.
    """

    framework: Column[Any, Any, Any]
    writers: Mapping[str, Writer]
    layout: str = "nchw"
    fixed: Mapping[str, Sequence[str]] = {}

    @abstractmethod
    def network(self, module: Any, dtype: str) -> Network:
        """A copy of a module for inference with parameters and arithmetic of that type."""

    def exporter(self) -> Exporter:
        """Itself."""
        return self

    def write(
        self, module: Any, path: PathLike, *, to: str, form: str, size: Size | None,
        layout: str | None, dtype: str, verify: bool, images: Sequence[np.ndarray],
        int8: Int8 | None, overwrite: bool,
    ) -> Exported:  # fmt: skip
        """What `export` does."""
        target = self._target(to)
        place = target.check_path(path, overwrite=overwrite)
        module = self.framework.unwrapped(module)
        content = self.framework.described(module)
        notes = Notes(
            content.architecture,
            content.config,
            content.metadata["content_sha256"],
            form=checks.choice("form", form, FORMS),
            layout=target.check_layout(self._usual_layout(target) if layout is None else layout),
            batch=target.batch,
            size=self._size(target, content, size),
            dtype=target.check_dtype(dtype),
            input=target.names[0],
            output=target.names[1],
            preprocess=content.metadata.get("preprocess"),
            classes=content.metadata.get("classes"),
        )
        if int8 is not None:
            int8.check(notes.plan)
            TARGETS[quantiser_of(to).SOURCE].check_installed()
        with new_place(place, overwrite=overwrite) as new:
            if int8 is None:
                made = self.in_form(module, form)
                proof = self._written(module, made, to, new, notes, images, verify)
                return Exported(str(path), to, notes, proof)
            source = quantiser_of(to).SOURCE
            float_path = new.with_name(f"float{TARGETS[source].suffix}")
            made = self.in_form(self._equalised(module, content), form)
            proof = self._written(module, made, source, float_path, notes, images, verify)
            with _converting(to, notes):
                quantised = quantise(float_path, new, to, int8)
        return Exported(str(path), to, replace(notes, dtype=INT8), proof, quantised)

    def _written(
        self, module: Any, made: Any, to: str, path: Path, notes: Notes,
        images: Sequence[np.ndarray], verify: bool,
    ) -> Proof | None:  # fmt: skip
        with _converting(to, notes):
            self.writers[to](made, path, notes)
        if not verify:
            return None
        judges = self.judges(module, made, notes.dtype)
        return prove(open_artefact(path), judges, given=images)

    def _equalised(self, module: Any, content: WeightFile) -> Any:
        """A module that computes the same, whose channels int8 can tell apart."""
        tensors = equalised(content.architecture, content.config, content.tensors)
        if tensors is None:
            return module
        return self.framework.build(content.architecture, content.config, tensors)

    def opened(self, module: Any, to: str, size: Size) -> Runtime:
        """A module as it is, written for images of that size and read back by the runtime."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"module{target_named(to).suffix}")
            self.export(module, path, to=to, form="training", size=size, verify=False)
            return open_artefact(path)

    def judges(self, module: Any, made: Any, dtype: str) -> Judges:
        """What an artefact of `made`, which was made of `module`, is held against."""
        variants = [module] if made is module else [module, made]
        return Judges(
            self.network(module, "float64"), [self.network(each, dtype) for each in variants]
        )

    def _target(self, to: str) -> Target:
        target = target_named(to)
        target.check_column(self.name)
        target.check_installed()
        return target

    def _size(
        self, target: Target, content: WeightFile, size: Size | None
    ) -> tuple[int, int] | None:
        architecture = content.architecture
        is_open = architecture not in (*target.fixed, *self.fixed.get(target.name, ()))
        if size == DYNAMIC and not is_open:
            raise ArgumentError(
                f"`size` of {architecture} must be height and width for {target.name} written "
                f"from {self.name}, got 'dynamic': it has no open sizes of it"
            )
        if size == DYNAMIC or (size is None and is_open):
            return None
        if size is None:
            return configure(architecture, content.config).default_size
        return checks.pair("size", size, minimum=1)

    def _usual_layout(self, target: Target) -> str:
        return self.layout if self.layout in target.layouts else target.layouts[0]

    def in_form(self, module: Any, form: str) -> Any:
        """The module in that form, or itself where there is no normalisation to fold."""
        has_norms = any(spec.kind == NORM_WEIGHT for spec in self.framework.specs_of(module))
        if form == "training" or module.plan.folded or not has_norms:
            return module
        return self.framework.deploy(module)


@contextmanager
def _converting(to: str, notes: Notes) -> Iterator[None]:
    """Say of what a converter raises which it is and what was being written.

    A disk that is full is none of its faults.
    """
    try:
        yield
    except (GhostError, MemoryError, OSError):
        raise
    except Exception as error:  # converters have no common base
        way_out = "" if notes.size else "; try height and width in the place of open ones (`size`)"
        raise UnsupportedError(
            f"the converter to {to} failed on this module ({described(notes)}): "
            f"{type(error).__name__}: {brief(str(error))}{way_out}"
        ) from error
