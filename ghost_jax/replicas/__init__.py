"""Training on several devices, of one process or of several."""

from ghost_jax.replicas.engines import over_mesh, over_processes, shard_mapped

__all__ = ["over_mesh", "over_processes", "shard_mapped"]
