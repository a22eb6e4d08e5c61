"""The base of every layer and network that is built from a plan."""

from typing import TYPE_CHECKING, Any, TypeVar

import keras
from keras import ops

from ghost_tf.framework.data_format import (
    DataFormat,
    canonical_shape,
    checked_data_format,
    native_shape,
)
from ghost_tf.framework.functions import outside_functions
from ghost_tf.framework.options import VariableOptions
from ghost_tf.framework.synchronised import checked_synchronized, synchronise
from ghost_tf.layers import dtype_name, in_training
from ghost_tf.saving.composed import Composed, settle
from weights import ArgumentError, checks
from weights.columns.planned import PlannedModule
from weights.modules.configuration import Configuration

# Kinds of tensors in TensorFlow that convolutions do not take.
SPARSE = ("SparseTensor", "RaggedTensor", "IndexedSlices")
WHOLE_NUMBERS = ("int", "uint", "bool")

if TYPE_CHECKING:  # what `Planned` is put before: Keras' layer or model
    from keras.layers import Layer as Keras
else:
    Keras = object

Module = TypeVar("Module", bound="Planned")


def check_dtype(dtype: Any) -> None:
    """Raise `ArgumentError` for a type, or a policy, of which Keras has no floating point type."""
    try:
        policy = keras.dtype_policies.get(dtype)
    except (ValueError, TypeError):
        raise ArgumentError(
            f"`dtype` must be a type such as 'float32' or a policy of Keras', got {dtype!r}"
        ) from None
    checks.floating("`dtype`", policy.compute_dtype)


class Planned(PlannedModule, Composed, VariableOptions, Keras):
    """A layer or model with a `plan` and a `data_format`; comes before the Keras class."""

    data_format: str
    synchronized: bool

    def __init__(
        self, plan: Configuration, data_format: DataFormat | None = None, **keras_options: Any
    ) -> None:
        check_dtype(keras_options.get("dtype"))
        self.synchronized = checked_synchronized(keras_options.pop("synchronized", False))
        super().__init__(**keras_options)
        self.data_format = checked_data_format(data_format)
        self.plan = plan
        self.takes = native_shape((None, plan.input_channels, None, None), self.data_format)
        self._set_up(plan, **self.options_inside())
        settle(self)
        synchronise(self, self.synchronized)

    def __call__(self, x: Any = None, *args: Any, inputs: Any = None, **kwargs: Any) -> Any:
        """Check the input, before Keras would wrap the error in a text of its own.

        Networks take images of whole numbers, as Keras' functional models do.
        """
        x = inputs if x is None else x
        if isinstance(self, keras.Model) and dtype_name(x).startswith(WHOLE_NUMBERS):
            x = ops.cast(x, self.compute_dtype)
        self._check_input(x, kwargs.get("training"))
        output = super().__call__(x, *args, **kwargs)
        self._take_sizes(tuple(x.shape))
        return output

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the variables."""
        self.plan.check_input(canonical_shape(input_shape, self.data_format), "float32")
        with outside_functions():
            super().build(input_shape)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Shape of the output, in the order of the input's."""
        shape = canonical_shape(input_shape, self.data_format)
        self.plan.check_input(shape, "float32")
        batch, _, height, width = shape
        output = self.plan.output_shape(batch, height, width)
        return native_shape(output, self.data_format) if len(output) == 4 else output

    def get_config(self) -> dict[str, Any]:
        """The module's own arguments and Keras' (name, dtype policy, ...), for saving."""
        keras_arguments = super().get_config()
        chosen = {"synchronized": True} if self.synchronized else {}
        return {**keras_arguments, **chosen, **self.plan.to_dict()}

    def build_like(self, other: Any) -> None:
        """Create the variables for the sizes that `other` has seen, for which Keras exports it."""
        self.build_from_config(other.get_build_config())
        self._called = other._called  # Keras exports nothing that was never called

    def _take_sizes(self, shape: tuple[Any, ...]) -> None:
        """Keep the sizes of the first input, as Keras does where that creates the variables."""
        if None in self.get_build_config()["input_shape"][1:]:
            self._build_shapes_dict = {"input_shape": shape}

    def _check_input(self, x: Any, training: bool | None) -> None:
        training = in_training(self.first_norm, training)
        if not hasattr(x, "shape") or type(x).__name__ in SPARSE:
            raise ArgumentError(f"the input must be a dense tensor, got {type(x).__name__}")
        shape = canonical_shape(x, self.data_format)
        self.plan.check_input(shape, dtype_name(x), training=training)


def from_plan(kind: type[Module], plan: Configuration, **options: Any) -> Module:
    """A module of a plan, as its constructor makes it of arguments; nothing is checked again."""
    module = kind.__new__(kind)
    Planned.__init__(module, plan, **options)
    return module
