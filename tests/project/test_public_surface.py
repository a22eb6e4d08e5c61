"""A change of a public name or signature is seen, and accepted on purpose."""

from __future__ import annotations

import pytest

from tests.project.public_surface import FILE, PACKAGES, surface

ACCEPT = "if the change is wanted: python -m tests.project.public_surface"


@pytest.mark.parametrize("package", PACKAGES)
def test_the_public_surface_is_the_one_written_down(package: str) -> None:
    pytest.importorskip(PACKAGES[package])
    now = set(surface(package))
    kept = {line for line in FILE.read_text().splitlines() if line.startswith(f"{package}.")}

    gone, new = sorted(kept - now), sorted(now - kept)
    changes = [*(f"- {line}" for line in gone), *(f"+ {line}" for line in new)]
    assert not changes, "\n".join([f"{ACCEPT}", *changes])
