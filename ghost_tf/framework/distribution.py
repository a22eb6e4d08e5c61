"""The package `weights` must be the one that is installed beside this one."""

from importlib.util import find_spec
from pathlib import Path


def beside(package: str) -> Path:
    """The folder of a package of this distribution.

    Raises `ImportError` where Python finds a file of the user's by that name.
    """
    folder = Path(__file__).parents[2] / package
    found = find_spec(package)
    if found is None or found.origin is None or Path(found.origin).parent != folder:
        raise ImportError(
            f"`{package}` must be the package of ghostconv, got {found and found.origin}, which "
            "Python finds first: rename it, or start Python where it is not on the path"
        )
    return folder


WEIGHTS = beside("weights")
