"""How long things take, counted in buckets that grow with the length: quantiles of any number of them, by adding up.

A bucket is a power of two divided into sixteen: what is read from it is right to 3 %, whatever the length, and whole
numbers give the same buckets on every machine. (The idea is HdrHistogram's: hdrhistogram.github.io/HdrHistogram.)
"""

from collections.abc import Mapping

_BITS = 4
_WIDTH = 1 << _BITS


def bucket(length: int) -> int:
    """The bucket of a length in milliseconds; one below 0 counts as 0."""
    if length < _WIDTH:
        return max(0, length)
    shift = length.bit_length() - _BITS - 1
    return _WIDTH * shift + (length >> shift)


def middle(number: int) -> int:
    """The length that stands for a bucket, in milliseconds."""
    if number < _WIDTH:
        return number
    shift = number // _WIDTH - 1
    return ((2 * (number % _WIDTH + _WIDTH) + 1) << shift) // 2


def quantile(counts: Mapping[int, int], percent: int) -> int | None:
    """The length that ``percent`` of those counted do not exceed, in milliseconds; ``None`` if there are none."""
    reached = reached_bucket(counts, percent)
    return None if reached is None else middle(reached)


def reached_bucket(counts: Mapping[int, int], percent: int) -> int | None:
    """The bucket in which ``percent`` of those counted are reached (the nearest rank); ``None`` if there are none."""
    wanted = -(-sum(counts.values()) * percent // 100)
    so_far = 0
    for number in sorted(counts):
        so_far += counts[number]
        if so_far >= wanted > 0:
            return number
    return None
