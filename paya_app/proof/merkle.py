"""Merkle trees of RFC 6962, section 2.1, over leaf hashes of 32 bytes.

Neighbours are joined in pairs, and an odd one out moves up as it is; that is the tree which the RFC splits at
the largest power of two.
"""

from collections.abc import Sequence
from hashlib import sha256

EMPTY = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf: a byte 0 before what it holds."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: a byte 1 before its two children."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that leaves are added to, one by one; it keeps one hash per level."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf hash; returns the inner nodes (level, index, hash) that it completes, the lowest first."""
        level, node, made = 0, leaf, []
        while self._peaks and self._peaks[-1][0] == level:
            node = node_hash(self._peaks.pop()[1], node)
            level += 1
            made.append((level, self.size >> level, node))
        self._peaks.append((level, node))
        self.size += 1
        return made

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self._peaks:
            return EMPTY
        root = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over these leaf hashes."""
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def root_from_path(leaf: bytes, *, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a leaf at `index` (from 0) of a tree of `size` leaves has by this path; None when it cannot.

    The path's length follows from `index` and `size` alone (RFC 9162, section 2.1.3.2): one that is shorter or
    longer proves nothing.
    """
    if not 0 <= index < size:
        return None
    place, last, node = index, size - 1, leaf
    for beside in path:
        if last == 0:
            return None
        if place % 2 or place == last:
            node = node_hash(beside, node)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, beside)
        place, last = place >> 1, last >> 1
    return node if last == 0 else None
