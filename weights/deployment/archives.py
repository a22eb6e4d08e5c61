"""Members of zip archives, read without running anything."""

import zipfile
from pathlib import Path

from weights.errors import FormatError
from weights.files.storage import opened
from weights.limits import HEADER


def read_member(path: Path, ending: str) -> bytes | None:
    """Return the first member whose name ends so, or None; raises `FormatError` for no archive."""
    with opened(path) as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                names = [name for name in archive.namelist() if name.endswith(ending)]
                if not names:
                    return None
                with archive.open(names[0]) as member:
                    found = member.read(HEADER.value + 1)
        except Exception:  # zipfile and zlib raise many kinds for damage
            raise FormatError(f"{path} is not a whole archive of PyTorch") from None
    if len(found) > HEADER.value:
        raise FormatError(f"{path}: {ending} has more than {HEADER.value} bytes")
    return found
