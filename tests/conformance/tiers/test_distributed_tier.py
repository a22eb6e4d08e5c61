"""Replicas train as one device does, by every engine of every framework; what none can is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from conformance import Status, Verdict
from conformance.commands.cli import main as command
from conformance.implementations.process import ProcessImplementation
from conformance.running.runner import judge
from conformance.tiers import DEFAULT_TIERS, DistributedTier

FIRST, MEAN = "ghost_conv-statistics-of-the-first", "ghost_conv-mean-of-statistics"
UNEVEN = ("ghost_conv-uneven", "ghost_conv-one-image-beside")
SHARDED = "JAX shards an axis into parts of one size: pad the batch"
JITTED = "under jit a batch is one, wherever its parts lie: so are its statistics"
# The reasons for which an engine leaves out a case.
ENGINES: dict[str, dict[str, str]] = {
    "ghost_torch": {
        MEAN: "PyTorch keeps the statistics of the first replica where they are not synchronised"
    },
    "ghost_torch.modes:fully_sharded": {
        MEAN: "PyTorch keeps the statistics of the first replica where they are not synchronised"
    },
    "ghost_jax": {
        **dict.fromkeys(UNEVEN, SHARDED),
        **dict.fromkeys((FIRST, MEAN), JITTED),
    },
    "ghost_jax.modes:shard_mapped": {
        **dict.fromkeys(UNEVEN, SHARDED),
        FIRST: "under shard_map each device has statistics, and no device is first",
    },
    "ghost_jax.modes:multi_process": {
        **dict.fromkeys(UNEVEN, SHARDED),
        **dict.fromkeys((FIRST, MEAN), JITTED),
    },
    "ghost_tf.backends:jax": {
        **dict.fromkeys(UNEVEN, SHARDED),
        **dict.fromkeys((FIRST, MEAN), JITTED),
    },
    "ghost_tf": {
        MEAN: "Keras keeps the statistics of the first replica where they are not synchronised"
    },
    "ghost_tf.modes:multi_worker": {
        MEAN: "Keras keeps the statistics of the first replica where they are not synchronised"
    },
}
# In each case each of their processes imports the framework, which takes minutes in all.
OVER_PROCESSES = ("ghost_jax.modes:multi_process", "ghost_tf.modes:multi_worker")
PAGE = Path(__file__).resolve().parents[3] / "docs" / "modes.md"
FRAMEWORKS = {"ghost_torch": "torch", "ghost_jax": "flax", "ghost_tf": "keras"}


def marked(name: str) -> Any:
    mark = pytest.mark.runtimes if name in OVER_PROCESSES else pytest.mark.matrix
    return pytest.param(name, marks=mark)


def judged(name: str) -> Iterator[Verdict]:
    module = name.partition(":")[0]
    pytest.importorskip(FRAMEWORKS[module.partition(".")[0]])
    tier = DistributedTier()
    with closing(ProcessImplementation(name)) as implementation:
        for case in tier.cases():
            yield judge(tier, case, implementation)


@pytest.mark.parametrize("name", [marked(name) for name in ENGINES])
def test_replicas_train_as_one_device_does(name: str) -> None:
    verdicts = list(judged(name))

    skipped = {each.case: each.message for each in verdicts if each.status is Status.SKIP}
    others = {each.message for each in verdicts if each.status not in (Status.SKIP, Status.PASS)}
    assert others == set()
    assert skipped == ENGINES[name]
    assert 2 * len(skipped) <= len(verdicts)


def test_the_page_tells_how_many_cases_each_engine_passes() -> None:
    page = PAGE.read_text()
    cases = len(DistributedTier().cases())

    for name, skipped in ENGINES.items():
        verdicts = f"{cases - len(skipped)} passed, {len(skipped)} skipped"
        assert re.search(rf"^\| `{name}` \|.*\| {verdicts} \|$", page, re.MULTILINE), name


def test_a_run_has_the_tier_only_where_it_is_named_or_full() -> None:
    assert DistributedTier.name not in DEFAULT_TIERS
    assert "tier distributed" in " ".join(str(each.help) for each in command.commands["run"].params)  # type: ignore[attr-defined]
