"""Checkpoints that users of Flax save, by Orbax and as msgpack, and the tensors read from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weights import FormatError, GhostError, ImportRefused
from weights.importers import import_file
from weights.importers.containers.flax_state import flatten
from weights.importers.containers.orbax_folders import find_arrays

LAYER = ("ghost_conv", {"c_in": 3, "c_out": 8})
DROPOUT = ("ghost_vgg16", {"num_classes": 3, "dropout": 0.5, "ratio": 8, "hidden": False})

Save = Callable[[Path, Any], None]


def standard(tree: Callable[[Any], Any]) -> Save:
    """By a `StandardCheckpointer`."""

    def save(folder: Path, module: Any) -> None:
        import orbax.checkpoint as ocp

        with ocp.StandardCheckpointer() as checkpointer:
            checkpointer.save(folder, tree(module))

    return save


def managed(items: Callable[[Any, Any], Any], **options: Any) -> Save:
    """By a `CheckpointManager`, in two steps of which the first has other numbers."""

    def save(folder: Path, module: Any) -> None:
        import orbax.checkpoint as ocp
        from flax import nnx

        earlier = nnx.clone(module)
        nnx.update(earlier, _zeros(earlier))
        settings = ocp.CheckpointManagerOptions(**options)
        with ocp.CheckpointManager(folder, options=settings) as manager:
            for step, each in ((9, earlier), (10, module)):
                manager.save(step, args=items(ocp, each))
            manager.wait_until_finished()

    return save


def _zeros(module: Any) -> Any:
    import jax
    from flax import nnx

    weights = nnx.state(module, nnx.Any(nnx.Param, nnx.BatchStat))
    return jax.tree.map(lambda x: x * 0, weights)


def state(module: Any) -> Any:
    """The result of `nnx.state`, a dropout's random numbers included."""
    from flax import nnx

    return nnx.state(module)


def pure(module: Any) -> Any:
    """The same as a dict without Flax's types."""
    from flax import nnx

    return nnx.to_pure_dict(nnx.state(module))


def parameters(module: Any) -> Any:
    """The parameters alone."""
    from flax import nnx

    return nnx.state(module, nnx.Param)


def statistics(module: Any) -> Any:
    """All but the parameters."""
    from flax import nnx

    return nnx.state(module, nnx.Not(nnx.Param))


def items(**trees: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """Named items of one checkpoint."""
    return lambda ocp, module: ocp.args.Composite(
        **{name: ocp.args.StandardSave(tree(module)) for name, tree in trees.items()}
    )


def one_item(ocp: Any, module: Any) -> Any:
    """The item without a name."""
    return ocp.args.StandardSave(state(module))


# How it was saved, what of the folder is given to the importer, what is then recorded.
SAVED: dict[str, tuple[Save, str, dict[str, Any]]] = {
    "nnx.state": (standard(state), "", {}),
    "nnx.to_pure_dict": (standard(pure), "", {}),
    "a dict of several things": (
        standard(lambda module: {"model": state(module), "step": np.ones(())}),
        "",
        {"prefix": "model/", "dropped": {"values beside the module": 1}},
    ),
    "parameters and statistics apart": (
        standard(lambda module: {"params": parameters(module), "batch_stats": statistics(module)}),
        "",
        {"prefix": "params/"},
    ),
    "a manager": (managed(one_item), "", {"entry": "10/default"}),
    "a manager with a prefix": (
        managed(one_item, step_prefix="ckpt"),
        "",
        {"entry": "ckpt_10/default"},
    ),
    "a step": (managed(one_item), "10", {"entry": "default"}),
    "an item of a step": (managed(one_item), "10/default", {}),
    "an item called state": (managed(items(state=state)), "", {"entry": "10/state"}),
    "an item of any name": (managed(items(weights=pure)), "", {"entry": "10/weights"}),
    "items for parameters and the rest": (
        managed(items(params=parameters, rest=statistics)),
        "10",
        {"entry": "params and rest", "prefix": "params/"},
    ),
}


@pytest.fixture(scope="module")
def module() -> Any:
    """A layer whose statistics are no longer those of a fresh one."""
    from flax import nnx

    import ghost_jax

    generator = np.random.default_rng(0)
    layer = ghost_jax.GhostConv(3, 8, rngs=nnx.Rngs(0))
    drawn = {
        name: np.abs(generator.normal(size=array.shape)).astype(np.float32)
        for name, array in ghost_jax.state(layer).items()
    }
    ghost_jax.set_state(layer, drawn)
    return layer


@pytest.mark.slow
@pytest.mark.parametrize("how", SAVED)
def test_what_users_of_flax_save_is_imported(tmp_path: Path, module: Any, how: str) -> None:
    import ghost_jax

    save, inner, recorded = SAVED[how]
    save(tmp_path / "saved", module)

    imported = import_file(tmp_path / "saved" / inner, "orbax", *LAYER)

    wanted = ghost_jax.state(module)
    assert {name: array.tobytes() for name, array in imported.tensors.items()} == {
        name: array.tobytes() for name, array in wanted.items()
    }
    found = {"prefix": "", "entry": "", "dropped": {}} | imported.source
    assert {name: found[name] for name in ("prefix", "entry", "dropped")} == {
        "prefix": "", "entry": "", "dropped": {},
    } | recorded  # fmt: skip


@pytest.mark.slow
def test_the_random_numbers_of_a_dropout_are_dropped_and_recorded(tmp_path: Path) -> None:
    from flax import nnx

    import ghost_jax

    network = ghost_jax.GhostVGG16(**DROPOUT[1], rngs=nnx.Rngs(0))
    standard(state)(tmp_path / "saved", network)

    imported = import_file(tmp_path / "saved", "orbax", *DROPOUT)

    assert imported.source["dropped"] == {"states of random numbers": 2}
    assert imported.tensors.keys() == ghost_jax.state(network).keys()


@pytest.mark.slow
def test_a_msgpack_file_of_a_state_is_imported(tmp_path: Path, module: Any) -> None:
    from flax.serialization import to_bytes

    import ghost_jax

    numbered = {"model": pure(module), "rngs": {"count": np.ones((), np.uint32)}}
    (tmp_path / "saved.msgpack").write_bytes(to_bytes(numbered))

    imported = import_file(tmp_path / "saved.msgpack", "flax-msgpack", *LAYER)

    assert imported.source["dropped"] == {"states of random numbers": 1}
    assert all(np.array_equal(imported.tensors[k], x) for k, x in ghost_jax.state(module).items())


def tree(folder: Path) -> None:
    """A folder that looks like a tree of arrays."""
    folder.mkdir(parents=True)
    (folder / "_METADATA").write_text("{}")


def test_several_items_are_listed_where_none_is_known(tmp_path: Path) -> None:
    for name in ("ema", "weights"):
        tree(tmp_path / "7" / name)

    with pytest.raises(ImportRefused) as caught:
        find_arrays(tmp_path)

    assert str(caught.value) == (
        f"{tmp_path / '7'} holds several trees of arrays: 'ema', 'weights'; give the folder of the "
        f"one that is meant, such as {tmp_path / '7' / 'ema'}"
    )


def test_a_folder_of_something_else_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()

    with pytest.raises(FormatError) as caught:
        find_arrays(tmp_path)

    assert str(caught.value) == (
        f"{tmp_path} is no Orbax checkpoint, no item of one and no folder of steps: it holds "
        "'photo.jpg'"
    )


def test_what_is_still_being_written_is_no_step(tmp_path: Path) -> None:
    tree(tmp_path / "3" / "default")
    tree(tmp_path / "4.orbax-checkpoint-tmp-1" / "default")

    assert find_arrays(tmp_path) == [tmp_path / "3" / "default"]


@pytest.mark.parametrize(
    ("leaves", "text"),
    [
        ({"a": [[1, 2], [3]]}, "f: 'a' must be an array of numbers, got list"),
        ({"a": None}, "f: 'a' must be an array of numbers, got NoneType"),
        ({"a": "text"}, "f: 'a' must be an array of numbers, got str"),
        ({"a": {1: 1, "1": 2}}, "f has 'a/1' twice"),
        ({"a": {"b": 1}, "a/b": 2}, "f has 'a/b' twice"),
        ([1, 2, None], "f: '' must be an array of numbers, got list"),
    ],
)
def test_a_leaf_that_is_no_array_is_named(leaves: Any, text: str) -> None:
    with pytest.raises(GhostError) as caught:
        flatten("f", leaves)

    assert str(caught.value) == text


def test_nesting_without_end_is_refused() -> None:
    nested: Any = 1
    for _ in range(100_000):
        nested = {"a": nested}

    with pytest.raises(FormatError, match="must be less than 64 names deep"):
        flatten("f", nested)
    while isinstance(nested, dict):  # CPython's own end of such a thing is recursive
        nested = nested.pop("a")
