"""Tasks that Keras leaves to its backend: gradients of a layer, strict arithmetic, a version."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from weights import ArgumentError


class TensorFlow:
    """Gradients by a tape."""

    def __init__(self) -> None:
        import tensorflow

        self.framework = tensorflow

    def differentiate(self, module: Any, x: Any, cotangent: Any, sources: Sequence[Any]) -> Any:
        """The output in training, and the gradients of input and sources."""
        with self.framework.GradientTape() as tape:
            tape.watch(x)
            output = module(x, training=True)
        return [output, *tape.gradient(output, [x, *sources], cotangent)]

    def strict_arithmetic(self) -> dict[str, str]:
        """Switch off TF32; returns the setting by name."""
        self.framework.config.experimental.enable_tensor_float_32_execution(False)
        return {"float32": "no TF32 on TensorFlow's GPUs"}


class Torch:
    """Gradients by autograd."""

    def __init__(self) -> None:
        import torch

        self.framework = torch

    def differentiate(self, module: Any, x: Any, cotangent: Any, sources: Sequence[Any]) -> Any:
        """The output in training, and the gradients of input and sources."""
        x = x.detach().requires_grad_()
        output = module(x, training=True)
        return [output, *self.framework.autograd.grad(output, [x, *sources], cotangent)]

    def strict_arithmetic(self) -> dict[str, str]:
        """Switch off TF32; returns the setting by name."""
        self.framework.set_float32_matmul_precision("highest")
        self.framework.backends.cudnn.allow_tf32 = False
        return {"float32": "highest precision of matrix products, no TF32 in cuDNN"}


class Jax:
    """Gradients of the layer as a function of its variables."""

    def __init__(self) -> None:
        import jax

        self.framework = jax

    def differentiate(self, module: Any, x: Any, cotangent: Any, sources: Sequence[Any]) -> Any:
        """The output in training, and the gradients of input and sources."""
        trainable = [variable.value for variable in module.trainable_variables]
        others = [variable.value for variable in module.non_trainable_variables]

        def run(trainable: Any, x: Any) -> Any:
            return module.stateless_call(trainable, others, x, training=True)

        output, pull_back, changed = self.framework.vjp(run, trainable, x, has_aux=True)
        for variable, value in zip(module.non_trainable_variables, changed, strict=True):
            variable.assign(value)
        grads, grad_input = pull_back(cotangent)
        by_source = dict(zip(map(id, trainable), grads, strict=True))
        return [output, grad_input, *(by_source[id(source)] for source in sources)]

    def strict_arithmetic(self) -> dict[str, str]:
        """Ask for products in full precision; returns the setting by name."""
        self.framework.config.update("jax_default_matmul_precision", "highest")
        return {"float32": "jax_default_matmul_precision=highest"}


BACKENDS: Mapping[str, Callable[[], TensorFlow | Torch | Jax]] = {
    "tensorflow": TensorFlow,
    "torch": Torch,
    "jax": Jax,
}


def backend() -> TensorFlow | Torch | Jax:
    """The backend that Keras runs on, as KERAS_BACKEND or keras.json chooses it."""
    name = keras.backend.backend()
    if name not in BACKENDS:
        raise ArgumentError(
            f"the backend of Keras must be {', '.join(BACKENDS)}, got {name}: set KERAS_BACKEND "
            "before Keras is imported"
        )
    return BACKENDS[name]()
