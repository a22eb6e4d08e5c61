"""Training on several replicas, each a process of its own."""

from ghost_torch.replicas.engines import data_parallel, sharded

__all__ = ["data_parallel", "sharded"]
