"""Weights in and out of a framework's modules: canonical names and layouts, strict, all or nothing.

What a framework package offers are the methods of its one `Column`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeVar, Unpack, cast, overload

from weights import hub
from weights.columns.annotations import Annotations
from weights.columns.backend import GhostModule, Module, Variable
from weights.columns.contents import T
from weights.columns.fold import check_target, deployed
from weights.columns.own.deploying import Deploying, DeployReport
from weights.columns.own.features import is_whole
from weights.columns.own.flattening import Flatten
from weights.columns.own.loaded import LoadReport
from weights.columns.own.renaming import Rename
from weights.columns.partial import select
from weights.errors import ArgumentError
from weights.files.digests import content_digest, tensor_digests
from weights.files.file import WeightFile, read_file, read_for, write_file
from weights.files.storage import PathLike
from weights.files.writing import check_writable
from weights.modules.arguments import OutputStride
from weights.networks.architectures import Config
from weights.networks.classifier import with_classes
from weights.networks.custom import CUSTOM
from weights.networks.variants import VARIANTS

Network = TypeVar("Network")
Form = Literal["folded", "deployed"]


class Column(Deploying[Module, GhostModule, Variable]):
    """The calls that every framework package has, over what modules are made of."""

    def __init__(self) -> None:
        self._annotations = Annotations()

    def save_weights(
        self,
        module: Module,
        path: PathLike,
        *,
        overwrite: bool = False,
        flatten: Flatten | None = None,
    ) -> None:
        """Write the interchange file of `module`.

        Args:
            module: a layer or network of this package, or a network of your own made of these and
                of ordinary layers.
            path: where the file is written, atomically.
            overwrite: replace a file that is there, which is an error otherwise.
            flatten: of your own network, `{"fc": (channels, height, width)}` for every linear layer
                that reads flattened images, whose values each framework has in another order.

        Raises `weights.GhostError`, and writes nothing then.
        """
        module = self.unwrapped(module)
        if self.is_custom(module):
            content = self.custom_contents(module, flatten)
        else:
            _check_own(flatten=flatten)
            content = self._contents(module)
        write_file(path, *content, overwrite=overwrite, **self._annotations.of(module))

    def load_weights(
        self,
        module: Module,
        path: PathLike,
        *,
        allow_missing: Sequence[str] = (),
        allow_invalid: bool = False,
        rename: Rename | None = None,
        by_order: bool = False,
        flatten: Flatten | None = None,
    ) -> LoadReport:
        """Load an interchange file into `module`.

        Args:
            module: a layer or network of this package, of the file's configuration, a
                `FeatureNetwork`, which takes what it has of a whole network's file, or a network of
                your own whose modules are those of the file, at the same paths.
            path: the file.
            allow_missing: patterns such as `classifier.*`; tensors that match one keep the module's
                own values where the file has none of their shape.
            allow_invalid: take numbers that are not finite, and negative variances.
            rename: of your own network, `{"path in the file": "path in the network"}`, for all
                modules inside a path too, or a function from the one to the other.
            by_order: of your own network, whether modules are paired in the order of their
                definition in place of their paths; kinds, arguments and shapes must agree.
            flatten: of your own network, as in `save_weights`, where the file does not tell it.

        Returns:
            The pairs of modules, which print as a table.

        Raises `weights.GhostError`, above all `weights.MismatchError` with every difference, and
        changes nothing then.
        """
        what = f"cannot load {path} into {type(module).__name__}"
        module = self.unwrapped(module)
        file = read_for(self._known(module), path, allow_invalid=allow_invalid)
        own: Any = {"rename": rename, "by_order": by_order, "flatten": flatten}
        is_custom = self.is_custom(module)
        if is_custom and is_whole(file, module):
            _check_own(**own, allow_missing=allow_missing)
            return self.load_features(module, file, what)
        if is_custom or (self.is_module(module) and file.architecture == CUSTOM):
            report = self.load_custom(module, file, what, allow_missing=allow_missing, **own)
            whole = {} if is_custom else self._actual(module)[1].to_dict()
            self._annotations.keep(module, file.metadata, whole)
            return report
        _check_own(**own)
        architecture, config = self._actual(module)
        chosen = select(file, architecture, config, allow_missing)
        self._write(module, chosen, what)
        self._annotations.keep(module, file.metadata, config.to_dict())
        return LoadReport((("", ""),))

    def from_file(
        self,
        path: PathLike,
        *,
        num_classes: int | None = None,
        output_stride: OutputStride | None = None,
        allow_invalid: bool = False,
    ) -> GhostModule:
        """Build the module that the file describes, with its weights and its dtype.

        Args:
            path: an interchange file.
            num_classes: how many classes a fresh classifier has, where they are others than the
                file's; 0 leaves the classifier out.
            output_stride: that of a GhostNet or RepGhostNet, where it is another than the file's.
            allow_invalid: take numbers that are not finite, and negative variances.

        Raises `weights.GhostError` for anything that is not a whole interchange file.
        """
        file = read_file(path, allow_invalid=allow_invalid)
        config, tensors = file.config, file.tensors
        if num_classes is not None:
            config, tensors = with_classes(file.architecture, config, tensors, num_classes)
        if output_stride is not None:
            config = {**config, "output_stride": output_stride}
        module = self.build(file.architecture, config, tensors)
        self._annotations.keep(module, file.metadata, config)
        return module

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
        module = self.build(content.architecture, content.config, content.tensors)
        self._annotations.keep(module, hub.told(content), content.config)
        return module

    def save_pretrained(self, module: Module, folder: PathLike, *, overwrite: bool = False) -> None:
        """Write the files of a repository of the Hugging Face hub.

        Args:
            module: what `save_weights` takes.
            folder: where `ghost_weights.safetensors` is written, and `README.md`, the model card.
            overwrite: replace files that are there, which is an error otherwise.

        Raises `weights.GhostError`, and writes no file then.
        """
        self._save_repository(module, Path(folder), overwrite=overwrite)

    def from_pretrained(self, name: PathLike, **options: Unpack[hub.HubOptions]) -> GhostModule:
        """Build the network of a folder that `save_pretrained` wrote, or of a repository.

        Args:
            name: the folder, or `owner/name` on the Hugging Face hub.
            options: those of `from_hub`, for a repository.

        Raises `weights.GhostError` where there is no such folder or repository.
        """
        path = Path(name, hub.FILES[0])
        return self.from_file(path) if path.is_file() else self.from_hub(str(name), **options)

    def push_to_hub(
        self,
        module: Module,
        repository: str,
        *,
        private: bool = False,
        revision: str | None = None,
        token: str | None = None,
        message: str = "Write the weights",
    ) -> str:
        """Write the weights and their model card to a repository of the Hugging Face hub.

        Args:
            module: what `save_weights` takes.
            repository: `owner/name`; made where there is none.
            private: whether a repository that is made is private.
            revision: the branch, `main` without it.
            token: in place of the one that `hf auth login` keeps.
            message: of the commit.

        Returns:
            The address of the commit.

        Raises `weights.GhostError` where the module cannot be saved or the hub refuses it.
        """
        with TemporaryDirectory() as folder:
            self._save_repository(module, Path(folder), repository)
            return hub.publish(
                Path(folder), repository, private=private, revision=revision, token=token,
                message=message,
            )  # fmt: skip

    def _save_repository(
        self, module: Module, folder: Path, *name: str, overwrite: bool = False
    ) -> None:
        """The weights and the card, whose examples load that name."""
        from weights.card import card  # which counts: nothing else here does

        page = folder / "README.md"
        folder.mkdir(parents=True, exist_ok=True)
        check_writable(page, overwrite=overwrite)
        self.save_weights(module, folder / hub.FILES[0], overwrite=overwrite)
        page.write_text(card(read_file(folder / hub.FILES[0]), *name))

    def reset_classifier(self, module: T, num_classes: int, *, seed: int = 0) -> T:
        """A new network with the weights of `module` and a fresh classifier.

        Args:
            module: a network of this package, which stays as it is.
            num_classes: how many classes the new one has.
            seed: what the classifier is drawn from, the same in every framework.

        Raises `weights.ArgumentError` for a layer.
        """
        whole = with_classes(*self._contents(module), num_classes, seed)
        return self._derived(module, *whole)

    # The first that fits is meant: a module of this package is a module of the framework too.
    @overload
    def deploy(self, module: T, form: Form = "folded") -> T: ...  # type: ignore[overload-overlap]

    @overload
    def deploy(self, module: Module, form: Form = "folded") -> tuple[Module, DeployReport]: ...

    def deploy(self, module: Any, form: Form = "folded") -> Any:
        """A new module in deployed form that computes what `module` computes in evaluation.

        Its `config["form"]` says so; it is in evaluation mode and refuses training.

        Args:
            module: a layer or network of this package, or a network of your own with such modules,
                which stays as it is.
            form: `folded` has every batch normalisation inside the convolution before it, and is
                for every layer and network; `deployed` merges the branches of GhostNetV3 and
                RepGhostNet only, as timm does.

        Returns:
            The new module; of a network of your own, a copy with its ghost modules deployed, and a
            report of these and of what was left, which prints as a table.

        Raises `weights.ArgumentError` where there is nothing to merge.
        """
        check_target(form)
        module = self.unwrapped(module)
        if self.is_custom(module):
            copy, report = self.deploy_network(module, form)
            self._annotations.keep(copy, self._annotations.of(module), {})
            return copy, report
        made = self._derived(module, *deployed(*self._contents(module), form))
        self.prepare_inference(made)
        return made

    def described(self, module: Any) -> WeightFile:
        """What the interchange file of a layer or network of this package would hold.

        Of the metadata there are the annotations of the file that `module` is from, and the digest.
        Raises `weights.ArgumentError` for a network of the user's own.
        """
        architecture, config, tensors = self._contents(module)
        digest = content_digest(architecture, config, tensor_digests(tensors))
        metadata = {**self._annotations.of(module), "content_sha256": digest}
        return WeightFile(architecture, config, tensors, metadata)

    def _known(self, module: Any) -> dict[str, Config]:
        """The configuration of a module of this package, by its architecture."""
        return {module.architecture: module.plan} if self.is_own(module) else {}

    def _derived(self, module: T, config: dict[str, Any], tensors: Any) -> T:
        """Another configuration of `module`, with the annotations of that."""
        made = self._like(module, config, tensors)
        self._annotations.keep(made, self._annotations.of(module), config)
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


def _check_own(**options: Any) -> None:
    """Raise `ArgumentError` for an option of users' own networks that was given for another."""
    given = [name for name, value in options.items() if value]
    if given:
        raise ArgumentError(
            f"`{given[0]}` must be left out for a layer or network of this package, got "
            f"{options[given[0]]!r}: it is for networks of your own"
        )
