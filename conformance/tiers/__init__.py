"""The tiers: each a law, the cases that test it and the rule that judges them."""

from collections.abc import Collection

from conformance.tiers.base import DEFAULT_SETTINGS, OracleTier, Settings, Tier
from conformance.tiers.contract import ContractTier
from conformance.tiers.distributed import DistributedTier
from conformance.tiers.exact import ExactTier
from conformance.tiers.family import FamilyTier
from conformance.tiers.module import ModuleTier
from conformance.tiers.network import NetworkTier
from conformance.tiers.random import RandomTier
from conformance.tiers.sequence import SequenceTier
from conformance.tiers.special import SpecialTier
from conformance.tiers.training import TrainingTier
from conformance.tiers.weights import WeightsTier

# In the order in which a failure is best understood.
TIERS: dict[str, type[Tier]] = {
    tier.name: tier
    for tier in (
        ContractTier, ExactTier, ModuleTier, SpecialTier, RandomTier, FamilyTier, TrainingTier,
        SequenceTier, DistributedTier, WeightsTier, NetworkTier,
    )
}  # fmt: skip
DEFAULT_TIERS = tuple(name for name, tier in TIERS.items() if tier.in_default)
VECTOR_TIERS = tuple(name for name, tier in TIERS.items() if tier.in_vectors)
PYTEST_TIERS = tuple(name for name, tier in TIERS.items() if tier.in_pytest)


def make_tiers(
    settings: Settings = DEFAULT_SETTINGS, names: Collection[str] = tuple(TIERS)
) -> list[Tier]:
    """The tiers of one run, in their order."""
    return [tier(settings) for name, tier in TIERS.items() if name in names]


__all__ = [
    "DEFAULT_TIERS", "PYTEST_TIERS", "TIERS", "VECTOR_TIERS", "ContractTier", "DistributedTier",
    "ExactTier", "FamilyTier", "ModuleTier", "NetworkTier", "OracleTier", "RandomTier",
    "SequenceTier", "Settings", "SpecialTier", "Tier", "TrainingTier", "WeightsTier", "make_tiers",
]  # fmt: skip
