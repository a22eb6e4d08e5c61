"""The feature maps of a network, loaded from the file of the whole network."""

from typing import Any

from weights.columns.backend import GhostModule, Module, Variable
from weights.columns.own.custom import Custom
from weights.columns.own.loaded import LoadReport
from weights.columns.partial import differences
from weights.errors import MismatchError
from weights.files.file import WeightFile
from weights.networks.features import FeaturesConfig

# Arguments that only what comes after the feature maps depends on.
AFTERWARDS = ("num_classes", "dropout", "hidden")


def is_whole(file: WeightFile, module: Any) -> bool:
    """Whether the file has the whole network of which a module is the feature maps."""
    plan = getattr(module, "plan", None)
    return isinstance(plan, FeaturesConfig) and file.architecture == plan.architecture


class Featured(Custom[Module, GhostModule, Variable]):
    """Loading of feature maps."""

    def load_features(self, module: Any, file: WeightFile, what: str) -> LoadReport:
        """Load what the feature maps have of a whole network's file; says what is left out.

        Raises `MismatchError` with every difference, and changes nothing then.
        """
        found = differences(file, module.plan.network)
        problems = [text for key, _, text in found if key not in AFTERWARDS]
        if problems:
            raise MismatchError(what, problems)
        members = self.members(module)
        self._load(module, file, [(each.described, each) for each in members], [], what)
        paths = [each.described.path for each in members]
        taken = {name for member in members for name, _ in member.tensors}
        left = dict.fromkeys(_layer(name) for name in file.tensors if name not in taken)
        notes = [f"left out, for no feature map needs it: {', '.join(left)}"] if left else []
        return LoadReport(tuple((path, path) for path in paths), tuple(notes))


def _layer(name: str) -> str:
    """The layer of a tensor: with its number, where it stands in a list."""
    first, second, *_ = name.split(".")
    return f"{first}.{second}" if second.isdigit() else first
