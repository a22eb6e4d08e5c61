"""RepGhostNet."""

from collections.abc import Sequence

import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from ghost_jax.networks.ghostnet import BottleneckNetwork
from ghost_jax.rep_ghost import RepGhostBottleneck
from weights import checks
from weights.modules.arguments import OutputStride
from weights.modules.forms import Form
from weights.networks.repghostnet import RepGhostNetConfig


class RepGhostNet(BottleneckNetwork):
    """RepGhostNet (Chen et al., 2022, "RepGhost").

    Args:
        width: factor of the channels, each made divisible by 4.
        num_classes: outputs of the classifier; 0 leaves it out.
        in_chans: channels of the images.
        dropout: rate before the classifier.
        dw_kernel_size: of the cheap convolutions; odd.
        output_stride: as in `GhostNet`.
        bn_eps, bn_momentum: of every batch normalisation; the momentum is the weight of the new
            batch, as in PyTorch.
        form: "training"; `deploy` makes "deployed" (the branches merged, as timm does) or "folded"
            (every batch normalisation too), which do not train.
        dtype, param_dtype: type of the computation (None: the parameters'), and of the parameters.
        axis_name, axis_index_groups: the devices that share batch statistics, as for
            `nnx.BatchNorm`.
        rngs: draws the parameters, and dropout where there is any.
        remat: compute the blocks again in the backward pass: less memory, more time.

    Shapes: x: (N, H, W, in_chans) to logits (N, num_classes).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> network = nnx.eval_shape(lambda: RepGhostNet(0.5, num_classes=10, rngs=nnx.Rngs(0)))
    >>> nnx.eval_shape(RepGhostNet.__call__, network, jnp.zeros((1, 64, 64, 3))).shape
    (1, 10)
    """

    architecture = "repghostnet"
    bottleneck = RepGhostBottleneck

    def __init__(
        self,
        width: float = 1.0,
        num_classes: int = 1000,
        in_chans: int = 3,
        dropout: float = 0.2,
        dw_kernel_size: int = 3,
        *,
        output_stride: OutputStride = 32,
        bn_eps: float = 1e-5,
        bn_momentum: float = 0.1,
        form: Form = "training",
        remat: bool = False,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        axis_name: str | None = None,
        axis_index_groups: Sequence[Sequence[int]] | None = None,
        rngs: nnx.Rngs,
    ) -> None:
        plan = RepGhostNetConfig(
            width, num_classes, in_chans, dropout, dw_kernel_size, bn_eps, bn_momentum, form,
            output_stride,
        )  # fmt: skip
        super().__init__(plan, dtype, param_dtype, rngs, axis_name, axis_index_groups)
        self.remat = checks.boolean("remat", remat)
