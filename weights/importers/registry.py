"""Every importer and exporter, by the name that the command line gives it."""

from collections.abc import Mapping

from weights.importers.containers.container import Container
from weights.importers.containers.flax_state import FLAX_MSGPACK
from weights.importers.containers.keras_h5 import KERAS
from weights.importers.containers.npz import NPZ
from weights.importers.containers.orbax import ORBAX
from weights.importers.graphs.importer import ONNX
from weights.importers.importer import Importer
from weights.importers.layouts.d_li14 import D_LI14
from weights.importers.layouts.huawei import HUAWEI
from weights.importers.layouts.keras_models import KECAM, KIMM
from weights.importers.layouts.paddle import PADDLE
from weights.importers.layouts.seed import SEED
from weights.importers.layouts.timm import TIMM
from weights.importers.layouts.ultralytics import ULTRALYTICS

# State dicts with foreign names, and graphs.
IMPORTERS: Mapping[str, Importer] = {
    importer.name: importer
    for importer in (SEED, TIMM, HUAWEI, ULTRALYTICS, D_LI14, PADDLE, KIMM, KECAM, ONNX)
}
# Canonical tensors in the files of a framework.
CONTAINERS: Mapping[str, Container] = {
    container.name: container for container in (NPZ, KERAS, FLAX_MSGPACK, ORBAX)
}
EXPORTERS: Mapping[str, Importer | Container] = {
    **{importer.name: importer for importer in (SEED, TIMM, HUAWEI, ULTRALYTICS)},
    **{container.exporter: container for container in CONTAINERS.values()},
}
