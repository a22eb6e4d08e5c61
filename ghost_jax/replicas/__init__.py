"""Training on several devices of one process."""

from ghost_jax.replicas.engines import over_mesh, shard_mapped

__all__ = ["over_mesh", "shard_mapped"]
