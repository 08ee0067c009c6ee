"""The Merkle tree over the whole log: its root, and proofs of what is in it (RFC 6962, section 2.1).

A leaf is the hash of an event. Trees are named by their size; ``Node`` looks up what has been kept of them.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

# The root of the subtree over the leaves from ``start`` up to, without, ``end``: a complete and aligned one.
Node = Callable[[int, int], bytes]

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """What a leaf counts as in the tree: told apart from a node by its first byte."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Two subtrees, side by side."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree as far as it must be known to grow: its ``size`` and the roots of its complete subtrees, largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def grown(self, leaves: Iterable[bytes]) -> "Tree":
        """The tree with more leaves at its end."""
        size, peaks = self.size, list(self.peaks)
        for leaf in leaves:
            peaks.append(leaf_hash(leaf))
            size += 1
            # As many subtrees become one as the new size has zeros at its end.
            for _ in range(_trailing_zeros(size)):
                right = peaks.pop()
                peaks[-1] = node_hash(peaks[-1], right)
        return Tree(size, tuple(peaks))

    @property
    def root(self) -> bytes:
        """The hash that stands for all leaves in their order."""
        if not self.peaks:
            return EMPTY_ROOT
        *rest, root = self.peaks
        for peak in reversed(rest):
            root = node_hash(peak, root)
        return root


def subtree(start: int, end: int, node: Node) -> bytes:
    """The root over the leaves from ``start`` up to, without, ``end``: any range that the tree of size ``end`` has."""
    size = end - start
    if size & (size - 1) == 0:
        return node(start, end)
    split = start + _split(size)
    return node_hash(subtree(start, split, node), subtree(split, end, node))


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """The hashes that lead from leaf ``index`` (from 0) to the root of the tree of ``size``, nearest first."""
    start, end = 0, size
    path: list[bytes] = []
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            path.append(subtree(split, end, node))
            end = split
        else:
            path.append(subtree(start, split, node))
            start = split
    return path[::-1]


def included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether ``proof`` shows that ``leaf`` is leaf ``index`` of the tree of ``size`` with that ``root``.

    RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf_hash(leaf)
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """The hashes that show the tree of size ``new`` to begin with the whole tree of size ``old``."""
    return _consistency(old, 0, new, node, whole=True) if 0 < old < new else []


def _consistency(old: int, start: int, end: int, node: Node, *, whole: bool) -> list[bytes]:
    size = end - start
    if old == size:
        return [] if whole else [subtree(start, end, node)]
    split = _split(size)
    if old <= split:
        return [
            *_consistency(old, start, start + split, node, whole=whole),
            subtree(start + split, end, node),
        ]
    return [
        *_consistency(old - split, start + split, end, node, whole=False),
        subtree(start, start + split, node),
    ]


def consistent(
    old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether ``proof`` shows that the newer tree only added to the older one. RFC 9162, section 2.1.4.2."""
    if old > new or old < 0:
        return False
    if old in (0, new):
        return not proof and (old == 0 or old_root == new_root)
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def _trailing_zeros(number: int) -> int:
    return (number & -number).bit_length() - 1
