"""What `torch.hub.load` offers: every published network, by its name."""

from ghost_torch import (
    ghostnet_050,
    ghostnet_100,
    ghostnet_130,
    ghostnetv2_100,
    ghostnetv2_130,
    ghostnetv2_160,
    ghostnetv3_050,
    ghostnetv3_100,
    ghostnetv3_130,
    ghostnetv3_160,
    repghostnet_050,
    repghostnet_058,
    repghostnet_080,
    repghostnet_100,
    repghostnet_111,
    repghostnet_130,
    repghostnet_150,
    repghostnet_200,
)

__all__ = [
    "ghostnet_050",
    "ghostnet_100",
    "ghostnet_130",
    "ghostnetv2_100",
    "ghostnetv2_130",
    "ghostnetv2_160",
    "ghostnetv3_050",
    "ghostnetv3_100",
    "ghostnetv3_130",
    "ghostnetv3_160",
    "repghostnet_050",
    "repghostnet_058",
    "repghostnet_080",
    "repghostnet_100",
    "repghostnet_111",
    "repghostnet_130",
    "repghostnet_150",
    "repghostnet_200",
]

# What must be installed, which PyTorch asks before it imports this file.
dependencies = ["torch", "numpy", "safetensors", "ml_dtypes"]
