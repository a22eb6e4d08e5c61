"""The page of a repository on the Hugging Face hub, made of the weight file alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from weights.files.file import WeightFile
from weights.frameworks import PACKAGES
from weights.networks.custom import CUSTOM
from weights.networks.summary import summarise

# Between these `ghost-conformance parity --card` writes how the frameworks agree.
BEGIN, END = "<!-- parity -->", "<!-- /parity -->"


def card(file: WeightFile, repository: str = "OWNER/NAME") -> str:
    """The page: what the weights are of, counts, preprocessing, and how each framework takes them.

    It depends on the file alone, so that every framework writes the same.

    Args:
        file: the interchange file that lies beside the page.
        repository: the name by which the examples load it.
    """
    parts = [_front(file), f"# {file.architecture}", _facts(file), *_images(file)]
    parts += [_loading(repository), f"## Parity\n\n{BEGIN}\n{UNTRIED}\n{END}"]
    return "\n\n".join(parts) + "\n"


UNTRIED = "Not tried yet: `ghost-conformance parity ghost_weights.safetensors --card README.md`."


def with_parity(page: str, table: str) -> str:
    """The page with another table of parity."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}"


def _front(file: WeightFile) -> str:
    """What the hub reads of a page, as YAML."""
    task = "\npipeline_tag: image-classification" if "classes" in file.metadata else ""
    tags = "".join(f"\n- {tag}" for tag in ("ghostnet", "pytorch", "jax", "keras", "safetensors"))
    return f"---\nlibrary_name: ghostconv{task}\ntags:{tags}\n---"


def _facts(file: WeightFile) -> str:
    rows = [("architecture", f"`{file.architecture}`")]
    if file.architecture != CUSTOM:
        counts = summarise(file.architecture, file.config)
        size = f"{counts.height} x {counts.width}"
        rows += [
            ("parameters", f"{counts.parameters:,}"),
            ("multiply-accumulates", f"{counts.multiply_accumulates:,} at {size}"),
        ]
    rows += [("classes", f"{len(names)}") for names in [file.metadata.get("classes")] if names]
    rows.append(("content SHA-256", f"`{file.metadata['content_sha256']}`"))
    return _table(("of", "is"), rows)


def _images(file: WeightFile) -> Iterator[str]:
    settings: dict[str, Any] | None = file.metadata.get("preprocess")
    if settings:
        rows = [(f"`{key}`", f"`{json.dumps(settings[key])}`") for key in sorted(settings)]
        yield "## Preprocessing\n\n" + _table(("setting", "value"), rows)


def _loading(repository: str) -> str:
    lines = [
        f"```python\nfrom {package} import from_pretrained\n\n"
        f'network = from_pretrained("{repository}")\n```'
        for package in PACKAGES
    ]
    return "## Use\n\nThe same file in each framework:\n\n" + "\n\n".join(lines)


def _table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    lines = [head, ("---", "---"), *rows]
    return "\n".join(f"| {left} | {right} |" for left, right in lines)
