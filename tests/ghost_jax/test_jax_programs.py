"""Compiled programs that outlive the process: the same numbers, and nothing compiled again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx
from jax.experimental.compilation_cache import compilation_cache

from ghost_jax import GhostConv
from ghost_jax.framework import programs

X = np.linspace(-1, 1, 2 * 5 * 6 * 4, dtype=np.float32).reshape(2, 5, 6, 4)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the programs, and none in this process."""
    monkeypatch.setenv(programs.PLACE, str(tmp_path / "code"))
    programs._program.cache_clear()
    return tmp_path


@pytest.fixture
def cache_of_jax(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of JAX's own, which keeps everything."""
    folder = tmp_path_factory.mktemp("jax")
    given = {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in given}
    set_cache(given)
    yield folder
    set_cache(before)


def set_cache(settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


def call(module: Any, x: jax.Array) -> jax.Array:
    return module(x)


def refuse(module: Any, x: jax.Array) -> jax.Array:
    raise AssertionError("it was traced again")


# A program is found by the name of its function.
refuse.__name__ = call.__name__


def new_process(function: Callable[..., Any], module: Any) -> np.ndarray:
    programs._program.cache_clear()
    return np.asarray(programs.jitted(function, module, jax.device_put(X)))


def test_a_second_process_traces_nothing(place: Path) -> None:
    module = nnx.view(GhostConv(4, 6, rngs=nnx.Rngs(0)), use_running_average=True)
    wanted = np.asarray(nnx.jit(call)(module, X))

    first, again = new_process(call, module), new_process(refuse, module)

    np.testing.assert_array_equal(first, wanted)
    np.testing.assert_array_equal(again, wanted)


@pytest.mark.slow
def test_a_damaged_program_is_made_anew(place: Path) -> None:
    module = nnx.view(GhostConv(4, 6, rngs=nnx.Rngs(0)), use_running_average=True)
    first = new_process(call, module)
    (program,) = place.iterdir()
    program.write_bytes(program.read_bytes()[: program.stat().st_size // 2])

    for function in (call, refuse):
        np.testing.assert_array_equal(new_process(function, module), first)


@pytest.mark.slow
def test_what_jax_has_read_from_its_cache_is_not_kept_again(
    place: Path, cache_of_jax: Path
) -> None:
    module = nnx.view(GhostConv(4, 6, rngs=nnx.Rngs(0)), use_running_average=True)

    # The third would run what the second has written, had it written anything.
    first, *others = (new_process(call, module) for _ in range(3))

    assert list(cache_of_jax.iterdir())
    assert not list(place.iterdir())
    for output in others:
        np.testing.assert_array_equal(output, first)


@pytest.mark.slow
def test_training_changes_the_statistics_as_under_nnx_jit(place: Path) -> None:
    states = []
    for run in (nnx.jit(call), *[lambda *given: new_process(call, given[0])] * 2):
        module = GhostConv(4, 6, rngs=nnx.Rngs(0))
        module.train()
        run(module, X)
        states.append(jax.tree.leaves(nnx.state(module, nnx.BatchStat)))

    before = jax.tree.leaves(nnx.state(GhostConv(4, 6, rngs=nnx.Rngs(0)), nnx.BatchStat))
    assert not np.array_equal(states[0][0], before[0])
    for state in states[1:]:
        jax.tree.map(np.testing.assert_array_equal, state, states[0])


@pytest.mark.slow
@pytest.mark.parametrize("changed", [{"ratio": 3}, {"bn_eps": 1e-3}, {"activation": "silu"}])
def test_another_configuration_has_another_program(place: Path, changed: dict[str, Any]) -> None:
    modules = [GhostConv(4, 6, rngs=nnx.Rngs(0), **given) for given in ({}, changed)]
    for module in modules:
        new_process(call, nnx.view(module, use_running_average=True))

    assert len(list(place.iterdir())) == len(modules)


@pytest.mark.slow
def test_a_quick_program_is_another_of_the_same_function(place: Path) -> None:
    module = nnx.view(GhostConv(4, 6, rngs=nnx.Rngs(0)), use_running_average=True)
    x = jax.device_put(X)
    usual, quick = (programs.jitted(call, module, x, quick=quick) for quick in (False, True))

    np.testing.assert_allclose(quick, usual, rtol=1e-6, atol=1e-6)
    assert len(list(place.iterdir())) == 2
