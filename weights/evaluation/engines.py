"""Where the batches of an evaluation are computed: in this process, or over a Ray cluster."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from typing import Any

from weights.errors import GhostError
from weights.evaluation.work import Scores, Work, Worker
from weights.frameworks import needed

# From some work and the numbers of the batches that are left, to their scores as they are done.
Engine = Callable[[Work, Iterable[int]], Iterator[tuple[int, Scores]]]
# How often a lost worker is started again, and a batch that it had is computed again.
RESTARTS = 2


def local(work: Work, numbers: Iterable[int]) -> Iterator[tuple[int, Scores]]:
    """Compute the batches one after the other in this process; the next is read meanwhile."""
    worker, order = Worker(work), [*numbers]
    with ThreadPoolExecutor(1) as reader:
        ahead = [reader.submit(worker.inputs, number) for number in order[:1]]
        for number, following in zip_longest(order, order[1:]):
            inputs = ahead.pop().result()
            if following is not None:
                ahead.append(reader.submit(worker.inputs, following))
            yield number, worker.scores(number, inputs)


def ray_engine(workers: int, address: str | None = None) -> Engine:
    """An engine over a Ray cluster.

    Actors hold the networks, batches are their tasks, and each has two at a time. Ray starts a lost
    actor again and gives it its batches once more.

    Args:
        workers: how many actors.
        address: of the cluster; without it one on this machine, which ends with the run.
    """

    def compute(work: Work, numbers: Iterable[int]) -> Iterator[tuple[int, Scores]]:
        with needed("--engine ray", "ray"):
            import ray
        is_own = not ray.is_initialized()
        if is_own:
            local_only = {} if address else {"include_dashboard": False, "num_cpus": workers}
            ray.init(address=address, log_to_driver=False, logging_level="error", **local_only)
        try:
            yield from _over(ray, work, list(numbers), workers)
        finally:
            if is_own:
                ray.shutdown()

    return compute


def _over(ray: Any, work: Work, numbers: list[int], workers: int) -> Iterator[tuple[int, Scores]]:
    options = {"num_cpus": 1, "max_restarts": RESTARTS, "max_task_retries": RESTARTS}
    kind = ray.remote(**options)(Worker)
    shared = ray.put(work)
    actors = [kind.remote(shared) for _ in range(min(workers, len(numbers)))]
    left = iter(numbers)
    running: dict[Any, tuple[int, Any]] = {}

    def give(actor: Any) -> None:
        number = next(left, None)
        if number is not None:
            running[actor.compute.remote(number)] = (number, actor)

    for actor in [*actors, *actors]:
        give(actor)
    while running:
        (ready, *_), _ = ray.wait(list(running))
        number, actor = running.pop(ready)
        try:
            scores = ray.get(ready)
        except ray.exceptions.RayTaskError as error:
            raise error.cause if isinstance(error.cause, GhostError) else error from None
        except ray.exceptions.RayActorError as error:
            raise GhostError(
                f"batch {number} could not be computed: its worker was lost {RESTARTS + 1} times "
                f"({error})"
            ) from None
        give(actor)
        yield number, scores
