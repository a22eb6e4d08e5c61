"""Orbax folders under killed writers and full disks, and files under exclusive writers."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from weights import GhostError, configure, read_file, write_file
from weights.importers import export_file, import_file

LAYER = {"c_in": 4, "c_out": 8}
LONGEST_LIFE, REFUSED = 0.5, 7
UNSHARE = ("unshare", "--user", "--map-root-user", "--pid", "--fork")


def child(work: Callable[[], None]) -> int:
    """A forked process that does the work; its id."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # JAX has much to say of forks
            work()
            status = 0
        except GhostError:
            status = REFUSED
        finally:
            os._exit(status)
    return process


def status_of(process: int) -> int:
    """How a child ended."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def write(path: Path, number: int, *, overwrite: bool = True) -> None:
    """An interchange file that holds one number everywhere."""
    specs = configure("ghost_conv", LAYER).tensors()
    tensors = {spec.name: np.full(spec.shape, number, np.float32) for spec in specs}
    write_file(path, "ghost_conv", LAYER, tensors, overwrite=overwrite)


def export(path: Path, source: Path) -> None:
    """Export over what is there."""
    export_file(read_file(source), "orbax", path, overwrite=True)


def check(path: Path) -> None:
    """Raise unless the folder holds one of the two versions, whole."""
    arrays = import_file(path, "orbax").tensors.values()
    values = {float(value) for array in arrays for value in array.flat}
    if values not in ({1.0}, {2.0}):
        raise AssertionError(f"{path} holds {values}")


def orbax_kill_test(folder: Path, times: int, seed: int = 0) -> str:
    """Kill an exporting child at random moments: the folder is one of the two versions."""
    generator, path = random.Random(seed), folder / "checkpoint"
    sources = [folder / "1", folder / "2"]
    for number, source in enumerate(sources, start=1):
        write(source, number)
    if status_of(child(partial(export, path, sources[0]))):
        raise AssertionError("the first export failed")
    for _ in range(times):
        reading, writing = os.pipe()
        process = child(partial(_export_for_ever, path, sources, writing))
        os.close(writing)
        os.read(reading, 1)  # once it has everything imported and exported
        os.close(reading)
        time.sleep(generator.uniform(0, LONGEST_LIFE))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        if status_of(child(partial(check, path))):
            raise AssertionError(f"{path} is not whole")
    if status_of(child(partial(export, path, sources[0]))):
        raise AssertionError("the last export failed")
    left = sorted(each.name for each in folder.iterdir())
    if left != ["1", "2", "checkpoint"]:
        raise AssertionError(f"the last export left {left}")
    shutil.rmtree(path)
    return f"{times} kills of exports to Orbax: each folder whole, nothing left behind"


def _export_for_ever(path: Path, sources: list[Path], ready: int) -> None:
    export(path, sources[1])
    os.write(ready, b".")
    while True:
        for source in sources:
            export(path, source)


def orbax_disk_test(folder: Path, times: int, seed: int = 0) -> str:
    """Export where no file may grow beyond a size: an error, and the old folder."""
    generator, path = random.Random(seed), folder / "checkpoint"
    for number in (1, 2):
        write(folder / str(number), number)
    if status_of(child(partial(export, path, folder / "1"))):
        raise AssertionError("the first export failed")
    for _ in range(times):
        limit = generator.randrange(400)
        status = status_of(child(partial(_export_on_full_disk, path, folder / "2", limit)))
        names = sorted(each.name for each in folder.iterdir())
        whole = status_of(child(partial(check, path)))
        if status != REFUSED or whole or names != ["1", "2", "checkpoint"]:
            raise AssertionError(f"a limit of {limit} bytes: status {status}, {whole}, {names}")
    shutil.rmtree(path)
    return f"{times} full disks under exports to Orbax: a GhostError each, the old folder whole"


def _export_on_full_disk(path: Path, source: Path, limit: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    export(path, source)


def exclusive_test(folder: Path, rounds: int) -> str:
    """Two writers without overwrite at once: one writes, the other is refused."""
    for number in range(rounds):
        path = folder / f"exclusive-{number}"
        reading, writing = os.pipe()
        processes = [child(partial(_write_once, path, number, reading)) for number in (1, 2)]
        os.write(writing, b"..")
        ends = sorted(map(status_of, processes))
        os.close(reading)
        os.close(writing)
        if ends != [0, REFUSED] or len(list(folder.glob(f"*{path.name}*"))) != 1:
            raise AssertionError(f"two exclusive writers ended with {ends}")
        read_file(path)
        path.unlink()
    return f"{rounds} pairs of exclusive writers: one file and one refusal each"


def _write_once(path: Path, number: int, start: int) -> None:
    os.read(start, 1)
    write(path, number, overwrite=False)


def namespace_test(folder: Path, seconds: float) -> str:
    """A writer in another PID namespace, where our process numbers mean nothing."""
    what, path = "writers in two PID namespaces", folder / "shared"
    if (
        shutil.which(UNSHARE[0]) is None
        or subprocess.run([*UNSHARE, "true"], capture_output=True).returncode
    ):
        return f"{what}: not tried, `{' '.join(UNSHARE)}` is not allowed here"
    write(path, 1)
    command = [*UNSHARE, sys.executable, "-m", __name__, str(path), str(seconds)]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    ours = write_for(path, seconds)
    theirs, _ = other.communicate()
    if other.returncode or not theirs.strip().isdecimal():
        raise AssertionError(f"the writer in the other namespace failed: {theirs}")
    if [each.name for each in folder.glob("*shared*")] != ["shared"]:
        raise AssertionError("a temporary file was left")
    return f"{what}: {ours} and {int(theirs)} files, none taken for a stray"


def write_for(path: Path, seconds: float) -> int:
    """Write for a while; how often."""
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        write(path, count % 2)
        count += 1
    return count


if __name__ == "__main__":
    print(write_for(Path(sys.argv[1]), float(sys.argv[2])))
