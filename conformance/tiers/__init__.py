"""The tiers: each a law, the cases that test it and the rule that judges them."""

from conformance.tiers.base import Tier
from conformance.tiers.contract import ContractTier
from conformance.tiers.exact import ExactTier
from conformance.tiers.family import FamilyTier
from conformance.tiers.module import ModuleTier
from conformance.tiers.network import NetworkTier
from conformance.tiers.random import RandomTier
from conformance.tiers.special import SpecialTier
from conformance.tiers.training import TrainingTier
from conformance.tiers.weights import WeightsTier

# In the order in which a failure is best understood.
TIERS: dict[str, Tier] = {
    tier.name: tier
    for tier in (
        ContractTier(),
        ExactTier(),
        ModuleTier(),
        SpecialTier(),
        RandomTier(),
        FamilyTier(),
        TrainingTier(),
        WeightsTier(),
        NetworkTier(),
    )
}

__all__ = [
    "TIERS",
    "ContractTier",
    "ExactTier",
    "FamilyTier",
    "ModuleTier",
    "NetworkTier",
    "RandomTier",
    "SpecialTier",
    "Tier",
    "TrainingTier",
    "WeightsTier",
]
