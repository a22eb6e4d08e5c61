"""What must stand before any test or doctest imports a framework, in pytest-xdist's workers too.

Once a process has imported TensorFlow, importing triton, which PyTorch's CUDA build brings and its
compiler and optimizers import, ends that process by a segmentation fault: each carries an LLVM of
its own. In the other order both work, and one process runs the tests of every framework.
"""

from __future__ import annotations

import contextlib
import os

# Read when Keras and TensorFlow are imported, by tests and by the processes that they start.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
# Tiny tensors: on shared cores more threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

with contextlib.suppress(ImportError):
    import triton  # noqa: F401
