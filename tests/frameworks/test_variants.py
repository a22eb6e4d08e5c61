"""The published networks by their names: each is its class, at its width, with its arguments."""

from __future__ import annotations

from inspect import unwrap
from typing import Any, Unpack, get_origin, get_type_hints

import pytest

from tests.columns import COLUMNS, Column, in_every_column
from weights.networks.variants import VARIANTS


@in_every_column
@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_the_class_of_its_architecture(
    column: Column, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Any, ...]] = []
    function = getattr(column.package, name)
    # Not of `column.package.variants`, which pytest imports again for its doctests.
    framework = unwrap(function).__globals__["FRAMEWORK"]
    monkeypatch.setattr(framework, "variant", lambda *call: calls.append(call))

    function("file", num_classes=3)

    [(row, network, pretrained, options)] = calls
    assert (row, network.architecture) == (name, VARIANTS[name].architecture)
    assert (pretrained, options) == ("file", {"num_classes": 3})


def test_a_variant_has_its_width() -> None:
    network = COLUMNS[0].make("ghostnet_130", num_classes=0, device="meta")

    assert network.config["width"] == VARIANTS["ghostnet_130"].width


@in_every_column
@pytest.mark.parametrize(
    ("network", "options"), [("GhostNet", "Options"), ("RepGhostNet", "RepOptions")]
)
def test_a_variant_takes_the_arguments_of_its_class_but_the_width(
    column: Column, network: str, options: str
) -> None:
    hints = get_type_hints(getattr(column.package, network).__init__)
    arguments = {name: hint for name, hint in hints.items() if get_origin(hint) is not Unpack}
    known = get_type_hints(getattr(column.package.variants, options))

    del arguments["width"], arguments["return"]
    assert {name: known.get(name) for name in arguments} == arguments
