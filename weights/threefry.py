"""Random numbers that depend on a key and a count alone, of any shape, with nothing compiled.

Threefry-2x32 with 20 rounds: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011,
section 3.3. Value i of JAX's partitionable generator is its word for count i.
"""

import numpy as np

PARITY = np.uint32(0x1BD11BDA)
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
# Values that are drawn at a time, which stay in the cache of a core.
BLOCK = 1 << 15


def uniform(key: np.ndarray, count: int, bound: float) -> np.ndarray:
    """Float32 values (count,) from [-bound, bound) for a key of two words, uint32 (2,).

    >>> uniform(np.array([0, 42], np.uint32), 2, 1.0).round(4)
    array([-0.0226,  0.3596], dtype=float32)
    """
    values = np.empty(count, np.float32)
    for start in range(0, count, BLOCK):
        block = values[start : start + BLOCK]
        words = encrypt(key, np.arange(start, start + len(block), dtype=np.uint64))
        # 23 random bits behind the exponent of 2: a number from [2, 4), exactly.
        block[:] = (words >> 9 | np.uint32(0x40000000)).view(np.float32)
    values -= 3
    values *= np.float32(bound)
    return values


def encrypt(key: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Both words of each count, uint64 (N,), encrypted by the key and xored: uint32 (N,)."""
    keys = (key[0], key[1], key[0] ^ key[1] ^ PARITY)
    high, low = (counts >> 32).astype(np.uint32) + keys[0], counts.astype(np.uint32) + keys[1]
    for group in range(5):
        for rotation in ROTATIONS[group % 2]:
            high += low
            low[:] = low << rotation | low >> (32 - rotation)
            low ^= high
        high += keys[(group + 1) % 3]
        low += keys[(group + 2) % 3]
        low += np.uint32(group + 1)
    return high ^ low
