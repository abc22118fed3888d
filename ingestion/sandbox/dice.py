"""Random numbers that depend on a place only: no state is carried from one document to the next."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")
_MASK = (1 << 64) - 1


@lru_cache(maxsize=512)
def salt(*parts: object) -> int:
    """64 bits that stand for these words, the same on every machine and in every process."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def mix(salted: int, a: int, b: int = 0, c: int = 0) -> int:
    """Fold up to three small numbers into a salt; neighbours give unrelated results (splitmix64)."""
    x = (salted + a * 0x9E3779B97F4A7C15 + b * 0xC2B2AE3D27D4EB4F + c * 0x165667B19E3779F9) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def share(salted: int, a: int, b: int = 0, c: int = 0) -> float:
    """A number in [0, 1) for one question about one place."""
    return mix(salted, a, b, c) / 2**64


def dice(number: int) -> random.Random:
    """A generator for one place. Only `.random()` is used: its stream is promised to stay across Python versions."""
    return random.Random(number)  # noqa: S311 - invented data, no secret


def pick(options: Sequence[T], roll: float) -> T:
    """One of the options, all alike."""
    return options[int(roll * len(options))]


class Weighted(tuple[tuple[float, T], ...]):
    """Options with weights, read with one roll."""

    __slots__ = ()

    def pick(self, roll: float) -> T:
        at = roll * sum(weight for weight, _ in self)
        for weight, option in self:
            at -= weight
            if at < 0:
                return option
        return self[-1][1]
