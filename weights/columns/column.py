"""Weights in and out of a framework's modules: canonical names and layouts, strict, all or nothing.

What a framework package offers are the methods of its one `Column`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar, cast

from weights import hub
from weights.columns.backend import GhostModule, Module, Variable
from weights.columns.contents import Contents, T
from weights.columns.fold import deployed
from weights.columns.partial import select
from weights.files.file import read_file, write_file
from weights.files.storage import PathLike
from weights.networks.classifier import with_classes
from weights.networks.variants import VARIANTS

Network = TypeVar("Network")


class Column(Contents[Module, GhostModule, Variable]):
    """The calls that every framework package has, over what modules are made of."""

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

    def from_file(
        self, path: PathLike, *, num_classes: int | None = None, allow_invalid: bool = False
    ) -> GhostModule:
        """Build the module that the file describes, with its weights and its dtype.

        Args:
            path: an interchange file.
            num_classes: how many classes a fresh classifier has, where they are others than the
                file's; 0 leaves the classifier out.
            allow_invalid: take numbers that are not finite, and negative variances.

        Raises `weights.GhostError` for anything that is not a whole interchange file.
        """
        file = read_file(path, allow_invalid=allow_invalid)
        config, tensors = file.config, file.tensors
        if num_classes is not None:
            config, tensors = with_classes(file.architecture, config, tensors, num_classes)
        return self.build(file.architecture, config, tensors)

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
        return cast(Network, self.build(*hub.pretrained(name, pretrained, options)))
