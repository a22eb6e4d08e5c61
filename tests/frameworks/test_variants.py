"""The published networks by their names: each is its class, at its width, with its arguments."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest

from tests.columns import COLUMNS, Column, in_every_column
from weights.networks.variants import VARIANTS


@in_every_column
@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_the_class_of_its_architecture(
    column: Column, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(column.package.variants, "variant", lambda *call: calls.append(call))

    getattr(column.package, name)("file", num_classes=3)

    [(row, network, pretrained, options)] = calls
    assert (row, network.architecture) == (name, VARIANTS[name].architecture)
    assert (pretrained, options) == ("file", {"num_classes": 3})


def test_a_variant_has_its_width() -> None:
    network = COLUMNS[0].make("ghostnet_130", num_classes=0, device="meta")

    assert network.config["width"] == VARIANTS["ghostnet_130"].width


@in_every_column
def test_a_variant_takes_the_arguments_of_its_class_but_the_width(column: Column) -> None:
    arguments = get_type_hints(column.package.GhostNet.__init__)
    options = get_type_hints(column.package.variants.Options)

    for name in ("width", "options", "return"):
        arguments.pop(name, None)
    assert {name: options.get(name) for name in arguments} == arguments
