"""Weights in and out of a framework's modules: canonical names and layouts, strict, all or nothing.

What a framework package offers are the methods of its one `Column`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, Protocol, TypeVar

import numpy as np

from weights import hub
from weights.columns.actual import Facts, actual
from weights.columns.backend import Backend, GhostModule, Module, Variable
from weights.columns.fold import deployed
from weights.columns.partial import Selection, select
from weights.files.digests import common_dtype
from weights.files.file import read_file, write_file
from weights.files.loading import check_module, check_tensors
from weights.files.storage import PathLike
from weights.networks.architectures import Config, configure
from weights.networks.classifier import with_classes
from weights.networks.variants import VARIANTS
from weights.tensors import TensorSpec


class Configured(Protocol):
    """A layer or network of this project."""

    @property
    def architecture(self) -> str:
        """Its name in the interchange file."""

    @property
    def plan(self) -> Config:
        """Its checked configuration."""

    @property
    def config(self) -> dict[str, Any]:
        """Every argument as a plain dict, enough to build it in any framework."""


T = TypeVar("T", bound=Configured)
Network = TypeVar("Network")


class Column(Backend[Module, GhostModule, Variable]):
    """The calls that every framework package has, over what its framework says in `Backend`."""

    def save_weights(self, module: Module, path: PathLike, *, overwrite: bool = False) -> None:
        """Write the interchange file of `module`.

        Args:
            module: a layer or network of this package.
            path: where the file is written, atomically.
            overwrite: replace a file that is there, which is an error otherwise.

        Raises `weights.GhostError`, and writes nothing then.
        """
        write_file(path, *self._contents(module), overwrite=overwrite)

    def load_weights(
        self,
        module: Module,
        path: PathLike,
        *,
        allow_missing: Sequence[str] = (),
        allow_invalid: bool = False,
    ) -> None:
        """Load an interchange file into `module`.

        Args:
            module: a layer or network of this package, of the file's configuration.
            path: the file.
            allow_missing: patterns such as `classifier.*`; tensors that match one keep the module's
                own values where the file has none of their shape.
            allow_invalid: take numbers that are not finite, and negative variances.

        Raises `weights.GhostError`, above all `weights.MismatchError` with every difference, and
        changes nothing then.
        """
        file = read_file(path, allow_invalid=allow_invalid)
        architecture, config = self._actual(module)
        chosen = select(file, architecture, config, allow_missing)
        self._write(module, chosen, f"cannot load {path} into {type(module).__name__}")

    def from_file(self, path: PathLike, *, allow_invalid: bool = False) -> GhostModule:
        """Build the module that the file describes, with its weights and its dtype.

        Args:
            path: an interchange file.
            allow_invalid: take numbers that are not finite, and negative variances.

        Raises `weights.GhostError` for anything that is not a whole interchange file.
        """
        file = read_file(path, allow_invalid=allow_invalid)
        return self.build(file.architecture, file.config, file.tensors)

    def from_hub(
        self,
        repository: str,
        *,
        revision: str | None = None,
        cache_dir: PathLike | None = None,
        offline: bool = False,
        sha256: str | None = None,
    ) -> GhostModule:
        """Build the network that a repository of the Hugging Face hub holds.

        Args:
            repository: `owner/name`, with an interchange file or with timm's weights.
            revision: a commit, tag or branch; the newest commit without it.
            cache_dir: where downloads are kept, instead of the hub's own place.
            offline: never ask the network, take what the cache has.
            sha256: the digest that the file must have.

        Raises `weights.GhostError` where there is no such repository, revision or file.
        """
        content = hub.fetch(
            repository, revision=revision, cache_dir=cache_dir, offline=offline, sha256=sha256
        )
        return self.build(content.architecture, content.config, content.tensors)

    def build(
        self, architecture: str, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
    ) -> GhostModule:
        """Build the module of that architecture and configuration, with these tensors.

        Args:
            architecture: a name such as `ghost_conv`.
            config: its arguments; what is left out has its default.
            tensors: by canonical name and in canonical layout, all of the dtype to build it with.

        Raises `weights.GhostError`, above all `weights.MismatchError` for other tensors.
        """
        checked = configure(architecture, config)
        module = self.make(architecture, checked.to_dict(), common_dtype(tensors))
        self._set(module, checked, tensors)
        return module

    def state(self, module: Module) -> dict[str, np.ndarray]:
        """The tensors of `module` as NumPy arrays of their own, canonical names and layout.

        Raises `weights.ArgumentError` for a module that is not what its configuration says.
        """
        return self._contents(module)[2]

    def set_state(self, module: Module, tensors: Mapping[str, np.ndarray]) -> None:
        """Give `module` these tensors: the reverse of `state`.

        Raises `weights.MismatchError` with every difference, and changes nothing then.
        """
        self._set(module, self._actual(module)[1], tensors)

    def reset_classifier(self, module: T, num_classes: int, *, seed: int = 0) -> T:
        """A new network with the weights of `module` and a fresh classifier.

        Args:
            module: a network of this package, which stays as it is.
            num_classes: how many classes the new one has.
            seed: what the classifier is drawn from, the same in every framework.

        Raises `weights.ArgumentError` for a layer.
        """
        return self._like(module, *with_classes(*self._contents(module), num_classes, seed))

    def deploy(self, module: T, form: Literal["folded", "deployed"] = "folded") -> T:
        """A new module in deployed form that computes what `module` computes in evaluation.

        Its `config["form"]` says so; it is in evaluation mode and refuses training.

        Args:
            module: a layer or network of this package, which stays as it is.
            form: `folded` has every batch normalisation inside the convolution before it, and is
                for every layer and network; `deployed` merges the branches of GhostNetV3 only, as
                timm does.

        Raises `weights.ArgumentError` where there is nothing to merge.
        """
        made = self._like(module, *deployed(*self._contents(module), form))
        self.prepare_inference(made)
        return made

    def variant(
        self,
        name: str,
        network: Callable[..., Network],
        pretrained: hub.Pretrained,
        options: Mapping[str, Any],
    ) -> Network:
        """A published network by its name in `weights.networks.variants`."""
        if not pretrained:
            return network(VARIANTS[name].width, **options)
        built: Any = self.build(*hub.pretrained(name, pretrained, options))
        return built

    def specs_of(self, module: Any) -> list[TensorSpec]:
        """The tensors that the module has, by canonical name, kind and shape.

        Raises `weights.ArgumentError` for a module that was changed into what no configuration
        describes.
        """
        return list(self._actual(module)[1].tensors())

    def _actual(self, module: Any) -> tuple[str, Config]:
        """The architecture and the configuration of what the module is now."""
        check_module(module, self.architectures)
        fresh = _fresh_facts(self, module.architecture, json.dumps(module.config))
        return module.architecture, actual(module.plan, self.facts(module), fresh)

    def _contents(self, module: Any) -> tuple[str, dict[str, Any], dict[str, np.ndarray]]:
        """Architecture, configuration and tensors of what the module is now."""
        architecture, config = self._actual(module)
        self.create_variables(module)
        tensors = {
            spec.name: self.to_canonical(self.variable_of(module, spec), spec)
            for spec in config.tensors()
        }
        return architecture, config.to_dict(), tensors

    def _like(self, module: T, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> T:
        """Another configuration of `module` with these tensors: where it is, and in its mode."""
        made: T = self.make_like(module, config, common_dtype(tensors))
        self._set(made, made.plan, tensors)
        return made

    def _set(self, module: Any, config: Config, tensors: Mapping[str, np.ndarray]) -> None:
        whole = Selection(list(config.tensors()), dict(tensors), [])
        self._write(module, whole, f"cannot set the state of {type(module).__name__}")

    def _write(self, module: Any, chosen: Selection, what: str) -> None:
        """Check everything, then change the module."""
        self.create_variables(module)
        tensors, specs = chosen.tensors, chosen.specs
        variables = {spec.name: self.variable_of(module, spec) for spec in specs}
        dtypes = {name: self.dtype_of(variable) for name, variable in variables.items()}
        check_tensors(specs, tensors, dtypes=dtypes, what=what, earlier=chosen.problems)
        values = {
            spec.name: self.to_native(tensors[spec.name], spec, variables[spec.name])
            for spec in specs
        }
        self.assign(module, variables, values, what)


@lru_cache(maxsize=64)
def _fresh_facts(column: Column[Any, Any, Any], architecture: str, config: str) -> Facts:
    return column.facts(column.make_empty(architecture, json.loads(config)))
