"""What an interchange file says of the checkpoint that it is from."""

from collections.abc import Mapping
from typing import Any

from weights.importers.checkpoints import Checkpoint

# So many entries beside the tensors are named at most.
MOST_BESIDE = 32


def source_of(checkpoint: Checkpoint, importer: str, assumed: Mapping[str, Any]) -> dict[str, Any]:
    """Record the origin, without a path or a time: the same import gives the same bytes."""
    original = checkpoint.description.source if checkpoint.description else {}
    found = {
        "prefix": checkpoint.prefix,
        "entry": checkpoint.entry,
        "beside": list(checkpoint.beside[:MOST_BESIDE]),
        "renamed": dict(checkpoint.renamed),
        "original": original,
    }
    return {
        "importer": importer,
        "dropped": dict(checkpoint.dropped),
        "assumed": dict(assumed),
        **{name: value for name, value in found.items() if value},
    }
