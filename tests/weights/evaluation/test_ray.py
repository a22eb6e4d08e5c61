"""An evaluation over Ray: the same figures with any number of workers, also where one is lost."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.reference_files import reference_file
from tests.seed.test_trained_network import DEVIATION, MEAN, trained_tensors
from tests.weights.evaluation.test_evaluation import LABELS, PIXELS, SETTINGS, network
from weights import read_file, write_file
from weights.evaluation import engines, evaluate
from weights.evaluation.examples import Examples
from weights.evaluation.scores import Evaluation
from weights.evaluation.work import Work
from weights.files.storage import read_safetensors

pytestmark = pytest.mark.runtimes
# Ray is told in no other way that its own library leaves files and sockets to the end.
quietly = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@dataclass(frozen=True)
class Lethal(Examples):
    """Images of which one batch kills the process that reads it first."""

    flag: Path = Path()
    first: int = 4

    def inputs(self, indices: Sequence[int], *arguments: Any) -> np.ndarray:
        if indices[0] == self.first and not self.flag.exists():
            self.flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().inputs(indices, *arguments)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level="error")
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield ray
    ray.shutdown()


@quietly
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_workers_gives_the_same_scores(
    cluster: Any, workers: int, tmp_path: Path
) -> None:
    examples = Examples([str(i) for i in range(7)], LABELS, pixels=PIXELS)
    work = Work(read_file(network(tmp_path)), ("torch",), examples, SETTINGS, 2, 1)

    found = dict(engines.ray_engine(workers)(work, range(work.batches)))

    alone = dict(engines.local(work, range(work.batches)))
    assert {n: s["torch"][0] for n, s in found.items()} == {
        n: s["torch"][0] for n, s in alone.items()
    }


@quietly
def test_a_lost_workers_batches_are_done_again(cluster: Any, tmp_path: Path) -> None:
    names = [str(i) for i in range(7)]
    lethal = Lethal(names, LABELS, pixels=PIXELS, flag=tmp_path / "killed")
    work = Work(read_file(network(tmp_path)), ("torch",), lethal, SETTINGS, 2, 1)

    found = dict(engines.ray_engine(2)(work, range(work.batches)))

    assert lethal.flag.exists()
    assert found == dict(engines.ray_engine(2)(work, range(work.batches)))
    assert sorted(found) == [0, 1, 2, 3]


@quietly
def test_a_thousand_images_have_the_same_figures_whoever_computes_them(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors, _ = read_safetensors(reference_file("trained/cifar10_test_1000.safetensors"))
    given = tmp_path / "a.safetensors"
    write_file(given, "ghost_resnet56", {}, trained_tensors())
    lethal = Lethal(
        [str(index) for index in range(1000)], tensors["labels"], pixels=tensors["images"],
        flag=tmp_path / "killed", first=500,
    )  # fmt: skip
    monkeypatch.setattr(evaluate, "read_examples", lambda *_: lethal)

    def answer(workers: int) -> Evaluation:
        engine = engines.ray_engine(workers)
        settings: Any = {**SETTINGS, "mean": list(MEAN), "std": list(DEVIATION)}
        options: Any = {"settings": settings, "batch": 125, "engine": engine}
        return evaluate.evaluate(given, tmp_path, ["torch"], **options)[1]

    lossy = answer(2)
    assert lethal.flag.exists()

    assert (len(lossy.labels), lossy.right("torch")) == (1000, 852)
    for found in map(answer, (1, 2, 4)):
        np.testing.assert_array_equal(found.best["torch"], lossy.best["torch"])
        np.testing.assert_array_equal(found.margins["torch"], lossy.margins["torch"])
