"""Shapes and operations by the order of the axes, which in Keras the user chooses."""

from typing import Any, Literal, get_args

import keras
from keras import ops

from weights import checks
from weights.arithmetic import Pair

DataFormat = Literal["channels_last", "channels_first"]
DATA_FORMATS: tuple[DataFormat, ...] = get_args(DataFormat)


def checked_data_format(data_format: DataFormat | None) -> str:
    """The data format asked for, or Keras' own default; raises `weights.ArgumentError`."""
    if data_format is None:
        data_format = keras.config.image_data_format()
    return checks.choice("data_format", data_format, DATA_FORMATS)


def canonical_shape(x: Any, data_format: str) -> tuple[Any, ...]:
    """Shape of an input, or of a shape, as (N, C, H, W)."""
    shape = tuple(getattr(x, "shape", x))
    if len(shape) != 4 or data_format == "channels_first":
        return shape
    batch, height, width, channels = shape
    return batch, channels, height, width


def native_shape(shape: tuple[Any, ...], data_format: str) -> tuple[Any, ...]:
    """The inverse of `canonical_shape`."""
    if data_format == "channels_first":
        return shape
    batch, channels, height, width = shape
    return batch, height, width, channels


def vector_shape(data_format: str) -> tuple[int, ...]:
    """Shape of a vector of channels that is added to an activation."""
    return (-1, 1, 1) if data_format == "channels_first" else (-1,)


def channel_axis(data_format: str) -> int:
    """The axis of the channels."""
    return 1 if data_format == "channels_first" else -1


def concatenate(parts: list[Any], data_format: str) -> Any:
    """One after the other along the channels."""
    return ops.concatenate(parts, axis=channel_axis(data_format))


def crop_channels(x: Any, channels: int, data_format: str) -> Any:
    """The first `channels` channels."""
    if x.shape[channel_axis(data_format)] == channels:
        return x  # the gradient of a slice of the whole is a copy
    return x[:, :channels] if data_format == "channels_first" else x[..., :channels]


def pad_channels(x: Any, extra: int, data_format: str) -> Any:
    """`extra` zero channels before and after."""
    axes = [(0, 0)] * 4
    axes[channel_axis(data_format)] = (extra, extra)
    return ops.pad(x, axes)


def subsample(x: Any, stride: Pair, data_format: str) -> Any:
    """Every `stride`-th row and column."""
    rows, columns = slice(None, None, stride[0]), slice(None, None, stride[1])
    return x[:, :, rows, columns] if data_format == "channels_first" else x[:, rows, columns]


def spatial_axes(data_format: str) -> Pair:
    """The axes of height and width."""
    return (2, 3) if data_format == "channels_first" else (1, 2)


def pad_rows_and_columns(x: Any, padding: Pair, data_format: str) -> Any:
    """Zeros around height and width, as many on both sides."""
    if padding == (0, 0):
        return x
    (height, width), none = padding, (0, 0)
    sizes = [(height, height), (width, width)]
    axes = [none, none, *sizes] if data_format == "channels_first" else [none, *sizes, none]
    return ops.pad(x, axes)
