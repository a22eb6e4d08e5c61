"""What the tests of `ghost_torch` share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tensors are tiny: on shared cores threads wait a hundred times longer than they compute."""
    pytest.importorskip("torch").set_num_threads(1)
