"""The interchange format: weights trained anywhere run everywhere.

Needs NumPy and safetensors only (and ml_dtypes, NumPy's bfloat16, without which safetensors cannot
read such tensors); a framework is imported by nobody but an importer or exporter that needs it.
"""

from weights.columns.actual import actual
from weights.columns.own.loaded import LoadReport
from weights.columns.partial import Selection, select
from weights.columns.places import Layer, Place
from weights.errors import (
    ArgumentError,
    ArtefactError,
    DigestError,
    FormatError,
    FormatWarning,
    GhostError,
    ImportRefused,
    MismatchError,
    UnsupportedError,
)
from weights.files.digests import content_digest, tensor_digest
from weights.files.file import WeightFile, read_file, read_metadata, write_file
from weights.files.loading import check_module, check_tensors
from weights.files.modules import FileModule, write_modules
from weights.limits import check_demand
from weights.modules.arguments import ACTIVATIONS, SPLITS
from weights.modules.ghost_conv import GhostConvConfig
from weights.modules.ordinary.kinds import register
from weights.modules.ordinary.layer import LayerConfig
from weights.networks.architectures import ARCHITECTURES, Config, configure
from weights.networks.classifier import with_classes
from weights.networks.resnet import GhostResNetConfig
from weights.tensors import TensorSpec
from weights.version import __version__ as __version__

__all__ = [
    "ACTIVATIONS",
    "ARCHITECTURES",
    "SPLITS",
    "ArgumentError",
    "ArtefactError",
    "Config",
    "DigestError",
    "FileModule",
    "FormatError",
    "FormatWarning",
    "GhostConvConfig",
    "GhostError",
    "GhostResNetConfig",
    "ImportRefused",
    "Layer",
    "LayerConfig",
    "LoadReport",
    "MismatchError",
    "Place",
    "Selection",
    "TensorSpec",
    "UnsupportedError",
    "WeightFile",
    "actual",
    "check_demand",
    "check_module",
    "check_tensors",
    "configure",
    "content_digest",
    "read_file",
    "read_metadata",
    "register",
    "select",
    "tensor_digest",
    "with_classes",
    "write_file",
    "write_modules",
]
