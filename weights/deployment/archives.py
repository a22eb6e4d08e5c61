"""Members of zip archives, read without running anything."""

import zipfile
from pathlib import Path

from weights.errors import FormatError
from weights.files.storage import opened
from weights.limits import HEADER


def read_member(path: Path, ending: str, *, most: int | None = None) -> bytes | None:
    """Return the first member whose name ends so, or None.

    Raises `FormatError` for what is no archive, and for a member of more than `most` bytes, which
    are those of a header where nothing is said.
    """
    most = HEADER.value if most is None else most  # the limit may be raised at any time
    with opened(path) as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                names = [name for name in archive.namelist() if name.endswith(ending)]
                if not names:
                    return None
                with archive.open(names[0]) as member:
                    found = member.read(most + 1)
        except Exception:  # zipfile and zlib raise many kinds for damage
            raise FormatError(f"{path} is not a whole archive of PyTorch") from None
    if len(found) > most:
        raise FormatError(f"{path}: {ending} has more than {most} bytes")
    return found
