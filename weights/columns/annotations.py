"""What a file says beside its tensors, kept with the module that was loaded from it."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from weights.files.metadata import annotations_of


class Annotations:
    """The `preprocess`, `classes` and `source` of the files that modules were loaded from.

    They stand beside the modules, not in them: a framework takes whatever is in a module for a part
    of it. Copies that a framework makes have none; a module that goes takes its own along.
    """

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()

    def of(self, module: Any) -> dict[str, Any]:
        """Return those of a module, as arguments of `write_file`."""
        return self._kept.get(module, {})

    def keep(self, module: Any, found: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        """Keep those among `found` for a module of that configuration, in place of others.

        Names of classes are those of as many classes.
        """
        kept = annotations_of(found)
        kept.pop("order", None)  # that of the module itself
        names = kept.pop("classes", None)
        if names is not None and len(names) == config.get("num_classes", len(names)):
            kept["classes"] = names
        self._kept[module] = kept
