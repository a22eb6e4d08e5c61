"""RepGhostNet."""

import torch

from ghost_torch.networks.ghostnet import BottleneckNetwork
from ghost_torch.rep_ghost import RepGhostBottleneck
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
        device, dtype: place and type of the parameters, as for PyTorch's layers.
        remat: compute the blocks again in the backward pass: less memory, more time.

    Shapes: x: (N, in_chans, H, W) to logits (N, num_classes).

    Raises `weights.ArgumentError` for an argument or an input that breaks a rule.

    >>> network = RepGhostNet(0.5, num_classes=10).eval()
    >>> network(torch.zeros(1, 3, 64, 64)).shape
    torch.Size([1, 10])
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
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        plan = RepGhostNetConfig(
            width, num_classes, in_chans, dropout, dw_kernel_size, bn_eps, bn_momentum, form,
            output_stride,
        )  # fmt: skip
        super().__init__(plan, device, dtype)
        self.remat = checks.boolean("remat", remat)
