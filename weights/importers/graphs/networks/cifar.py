"""Networks for CIFAR in a graph, from the image to the logits: Ghost-ResNet and Ghost-VGG-16."""

from collections.abc import Mapping

from weights.importers.graphs.ghosts import Ghost
from weights.importers.graphs.graph import Graph
from weights.importers.graphs.networks.walk import Elsewhere, Walk
from weights.importers.graphs.units import Unit
from weights.importers.importer import Part
from weights.networks.architectures import ARCHITECTURES
from weights.networks.resnet import STAGES, STEM_CHANNELS
from weights.networks.vgg import FEATURES
from weights.networks.vgg import STAGES as VGG_STAGES


def cifar_network(
    graph: Graph, units: Mapping[str, Unit], ghosts: Mapping[str, Ghost]
) -> Part | None:
    """Return the network that reads the image; None where it is no such network."""
    after: dict[str, list[Unit]] = {}
    for unit in units.values():
        after.setdefault(unit.source, []).append(unit)
    modules: dict[str, list[Ghost]] = {}
    for ghost in ghosts.values():
        modules.setdefault(ghost.primary.source, []).append(ghost)
    for image in graph.inputs:
        for network in (_vgg16, _resnet):
            try:
                return network(Walk(graph, after, modules, image))
            except Elsewhere:
                continue
    return None


def _vgg16(walk: Walk) -> Part:
    source = walk.value
    for stage, widths in enumerate(VGG_STAGES):
        for index, c_out in enumerate(widths):
            walk.ghost(f"features.{stage}.{index}", c_out)
        walk.halve()
    walk.mean()
    walk.linear("hidden", before_relu=FEATURES)
    walk.linear("linear")
    return walk.part("ghost_vgg16", source)


def _resnet(walk: Walk) -> Part:
    source, norms = walk.value, set()
    if not walk.plain("conv1", "bn1", STEM_CHANNELS):
        walk.ghost("conv1", STEM_CHANNELS)
        norms.add(walk.norm("bn1", STEM_CHANNELS))
    c_in, counts = STEM_CHANNELS, set()
    for stage, c_out in STAGES.items():
        count = 0
        while count == 0 or walk.next_channels() == c_out:
            norms.add(_block(walk, f"{stage}.{count}", c_in, c_out))
            c_in, count = c_out, count + 1
        counts.add(count)
    architecture = f"ghost_resnet{6 * max(counts) + 2}"
    if len(counts) > 1 or len(norms) > 1 or architecture not in ARCHITECTURES:
        raise Elsewhere
    walk.mean()
    walk.linear("linear")
    return walk.part(architecture, source)


def _block(walk: Walk, path: str, c_in: int, c_out: int) -> bool:
    """Pass a basic block, and return whether it has batch normalisations of its own."""
    entered, stride = walk.value, c_out // c_in
    walk.ghost(f"{path}.conv1", c_out, stride)
    has_norm = walk.norm(f"{path}.bn1", c_out)
    walk.ghost(f"{path}.conv2", c_out, activation="relu" if has_norm else "identity")
    if has_norm:
        walk.norm(f"{path}.bn2", c_out, before_relu=False)
    walk.shortcut(entered, stride, (c_out - c_in) // 2)
    return has_norm
