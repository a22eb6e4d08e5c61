"""The parallel branches that GhostNetV3 trains in place of one convolution."""

from dataclasses import dataclass, replace

from weights.modules.convolutions import ConvolutionPlan
from weights.tensors import SizedTensors, Sizes, batch_norm


@dataclass(frozen=True)
class BranchesPlan:
    """Branches whose sum one convolution can compute (Liu et al., 2024, "GhostNetV3", section 3.1).

    `count` copies of the convolution, a 1x1 convolution (`scale`) where the kernel is larger, and
    the input itself (`skip`) where `with_skip` and the shapes allow it; each with batch
    normalisation. `name` is how timm's names begin: `primary`, `cheap` or `dw`.
    """

    name: str
    convolution: ConvolutionPlan
    count: int
    with_skip: bool

    @property
    def scale(self) -> ConvolutionPlan | None:
        """The 1x1 convolution, where the kernel is larger than that."""
        if self.convolution.kernel_size == (1, 1):
            return None
        return replace(self.convolution, kernel_size=(1, 1), padding=(0, 0))

    @property
    def skip(self) -> int:
        """Channels of the branch without convolution; 0 where there is none."""
        plan = self.convolution
        fits = plan.c_in == plan.c_out and plan.stride == (1, 1)
        return plan.c_out if self.with_skip and fits else 0

    @property
    def deployed(self) -> ConvolutionPlan:
        """The one convolution that computes the sum."""
        return self.convolution.fold()

    def tensors_at(self, sizes: Sizes) -> SizedTensors:
        """The tensors of all branches, and the sizes that they make of these."""
        sizes = self.convolution.output_sizes(sizes)
        for index in range(self.count):
            path = f"{self.name}_rpr_conv.{index}"
            yield from self.convolution.tensors(sizes, f"{path}.conv", f"{path}.bn1")
        if self.scale:
            path = f"{self.name}_rpr_scale"
            yield from self.scale.tensors(sizes, f"{path}.conv", f"{path}.bn1")
        if self.skip:
            yield from batch_norm(f"{self.name}_rpr_skip", self.skip, sizes)
