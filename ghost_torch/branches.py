"""The parallel branches that GhostNetV3 trains in place of one convolution."""

from typing import Any

from torch import Tensor, nn

from ghost_torch.layers import activation, batch_norm, convolution, module_list, norm_after
from weights.modules.convolutions import BranchesPlan, ConvolutionPlan


class ConvNorm(nn.Module):
    """Convolution and batch normalisation, under the names of timm's `ConvBnAct`."""

    def __init__(
        self, plan: ConvolutionPlan, eps: float, momentum: float, act: str = "identity",
        **options: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = convolution(plan, **options)
        self.bn1 = norm_after(plan, eps, momentum, **options)
        self.act = activation(act)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x: (N, C, H, W) to (N, C', H', W')."""
        return self.act(self.bn1(self.conv(x)))


def add_branches(
    module: nn.Module, plan: BranchesPlan, eps: float, momentum: float, **options: Any
) -> None:
    """Give `module` the branches, under timm's names."""
    norm = (eps, momentum)
    copies = [ConvNorm(plan.convolution, *norm, **options) for _ in range(plan.count)]
    scale = ConvNorm(plan.scale, *norm, **options) if plan.scale else None
    skip = batch_norm(plan.skip, *norm, **options) if plan.skip else None
    setattr(module, f"{plan.name}_rpr_conv", module_list(copies))
    setattr(module, f"{plan.name}_rpr_scale", scale)
    setattr(module, f"{plan.name}_rpr_skip", skip)
