"""Weights from the Hugging Face hub, or from its cache: interchange files and timm's own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from weights.errors import ArgumentError, DigestError, FormatError, GhostError
from weights.files.file import WeightFile, read_file
from weights.files.metadata import ENTRY
from weights.files.storage import PathLike, read_header
from weights.frameworks import needed
from weights.networks.classifier import with_classes
from weights.networks.variants import VARIANTS

if TYPE_CHECKING:
    from weights.importers import Imported

    Content = WeightFile | Imported

# Which weights a variant has: fresh ones, the published, or those of a repository or a file.
Pretrained = bool | str | os.PathLike[str]
# What a repository may hold: ours first, then timm's, which is imported.
FILES = ("ghost_weights.safetensors", "model.safetensors")
# Arguments of a network that pretrained weights leave free.
FREE = ("dropout", "in_chans", "num_classes", "output_stride")


def fetch(
    repository: str,
    *,
    revision: str | None = None,
    cache_dir: PathLike | None = None,
    offline: bool = False,
    sha256: str | None = None,
) -> Content:
    """The weights that a repository holds, downloaded once and then taken from the cache.

    `revision` pins a commit, tag or branch; `offline` never asks the network (nor does the hub
    with HF_HUB_OFFLINE=1); `sha256` is the digest that the file must have.

    Raises `GhostError` where there is no such repository, revision or file, `DigestError` for
    another digest.
    """
    options = {"revision": revision, "cache_dir": cache_dir, "local_files_only": offline}
    path = next((p for p in (_download(repository, n, **options) for n in FILES) if p), None)
    if path is None:
        raise FormatError(f"the repository {repository} must hold one of {', '.join(FILES)}")
    if sha256 is not None:
        _check_digest(path, sha256)
    return _read(path, _download(repository, "config.json", **options))


def told(content: Content) -> Mapping[str, Any]:
    """What is said of the weights beside the tensors."""
    if isinstance(content, WeightFile):
        return content.metadata
    found = {name: getattr(content, name) for name in ("source", "preprocess", "classes")}
    return {name: value for name, value in found.items() if value is not None}


class HubOptions(TypedDict, total=False):
    """What of a repository is read, and from where; see `fetch`."""

    revision: str | None
    cache_dir: PathLike | None
    offline: bool
    sha256: str | None


def publish(
    folder: Path,
    repository: str,
    *,
    private: bool = False,
    revision: str | None = None,
    token: str | None = None,
    message: str = "Write the weights",
) -> str:
    """Make the files of a folder one commit of a repository, which is made where there is none.

    Returns the address of the commit. Raises `GhostError` where the hub refuses it.
    """
    with needed("the hub", "hub"):
        from huggingface_hub import HfApi, errors
    api = HfApi(token=token)
    options: dict[str, Any] = {"repo_id": repository, "revision": revision}
    try:
        api.create_repo(repository, private=private, exist_ok=True)
        commit = api.upload_folder(folder_path=folder, commit_message=message, **options)
    except errors.HFValidationError:
        reason = "that is no name of a repository ('owner/name')"
    except (errors.HfHubHTTPError, OSError) as error:
        reason = str(error).partition("\n")[0]
    else:
        return str(commit.commit_url)
    raise GhostError(f"cannot write the repository {repository}: {reason}")


def pretrained(
    name: str, choice: Pretrained, arguments: Mapping[str, Any]
) -> tuple[str, dict[str, Any], dict[str, np.ndarray]]:
    """Architecture, configuration and tensors of a variant's pretrained weights.

    `choice` is True (the published weights), a repository or the path of an interchange file. With
    another `num_classes` than the weights have, the classifier is a fresh one.
    """
    variant, content = VARIANTS[name], _chosen(name, choice)
    if (content.architecture, content.config.get("width")) != (variant.architecture, variant.width):
        raise ArgumentError(
            f"`pretrained` must hold a {name}, got a {content.architecture} of width "
            f"{content.config.get('width')}"
        )
    _check_arguments(content, arguments)
    config, tensors = dict(content.config), content.tensors
    classes = arguments.get("num_classes", config["num_classes"])
    if classes != config["num_classes"]:
        config, tensors = with_classes(variant.architecture, config, tensors, classes)
    free = {name: arguments[name] for name in ("dropout", "output_stride") if name in arguments}
    return variant.architecture, config | free, dict(tensors)


def _chosen(name: str, choice: Pretrained) -> Content:
    published = {each: x.repository for each, x in VARIANTS.items() if x.repository}
    if choice is True and name not in published:
        raise ArgumentError(f"no weights of {name} are published, only of {', '.join(published)}")
    if choice is True:
        return fetch(published[name])
    if not isinstance(choice, (str, os.PathLike)):
        raise ArgumentError(
            f"`pretrained` must be True, a repository or the path of a file, got {choice!r}"
        )
    return read_file(choice) if Path(choice).is_file() else fetch(str(choice))


def _check_arguments(content: Content, arguments: Mapping[str, Any]) -> None:
    unknown = [key for key in arguments if key not in FREE]
    if unknown:
        raise ArgumentError(
            f"with `pretrained` only {', '.join(FREE)} may be given, got {', '.join(unknown)}: "
            "the rest is as the weights have it"
        )
    channels = arguments.get("in_chans", content.config["in_chans"])
    if channels != content.config["in_chans"]:
        raise ArgumentError(
            f"`in_chans` must be {content.config['in_chans']} as in the pretrained weights, got "
            f"{channels}: their first convolution fits no other"
        )


def _download(repository: str, filename: str, **options: Any) -> Path | None:
    """The path of a file in the cache, or `None` where the repository has no such file."""
    with needed("the hub", "hub"):
        from huggingface_hub import errors, hf_hub_download
    try:
        return Path(hf_hub_download(repository, filename, **options))
    except errors.LocalEntryNotFoundError:
        _refuse_without_snapshot(repository, filename, errors, options)
        return None
    except errors.EntryNotFoundError:
        return None
    except errors.GatedRepoError:
        reason = "it is gated: accept its terms on the hub and log in"
    except errors.RevisionNotFoundError:
        reason = f"it has no revision {options['revision']!r}"
    except errors.RepositoryNotFoundError:
        reason = "there is none of that name, or it is private: log in"
    except errors.HFValidationError:
        reason = "that is no name of a repository ('owner/name'), and no file either"
    except (errors.HfHubHTTPError, OSError) as error:
        reason = str(error).partition("\n")[0]
    raise GhostError(f"cannot read the repository {repository}: {reason}")


def _refuse_without_snapshot(
    repository: str, filename: str, errors: Any, options: Mapping[str, Any]
) -> None:
    """A file that the cache lacks may be absent from the repository: only a snapshot can tell."""
    from huggingface_hub import snapshot_download

    try:
        snapshot_download(repository, **{**options, "local_files_only": True})
    except errors.LocalEntryNotFoundError:
        raise GhostError(
            f"cannot read {filename} of the repository {repository}: it is not in the cache, and "
            "the network was not asked or did not answer; fetch it once while online"
        ) from None


def _check_digest(path: Path, wanted: str) -> None:
    got = hashlib.sha256(path.read_bytes()).hexdigest()
    if got != wanted.lower():
        raise DigestError(f"{path.name} must have SHA-256 {wanted}, got {got}: it is another file")


def _read(path: Path, settings: Path | None) -> Content:
    if ENTRY in read_header(path).metadata:
        return read_file(path)
    # Half of what importing this module would take.
    from weights.importers import import_file
    from weights.importers.timm_config import read_preprocess

    preprocess = read_preprocess(settings) if settings else None
    return import_file(path, "timm", preprocess=preprocess)
