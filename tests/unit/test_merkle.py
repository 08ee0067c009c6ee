"""The Merkle tree: its roots and proofs, against the known answers of certificate transparency and against itself."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.merkle import (
    EMPTY_ROOT,
    Node,
    Tree,
    consistency_proof,
    consistent,
    included,
    inclusion_proof,
    leaf_hash,
    node_hash,
)

# The leaves and roots that certificate-transparency's own tests use.
LEAVES = [
    bytes.fromhex(each)
    for each in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(bytes([each])).digest() for each in range(count)]


def root(some: list[bytes]) -> bytes:
    return Tree().grown(some).root


def looked_up(some: list[bytes]) -> Node:
    def node(start: int, end: int) -> bytes:
        if end - start == 1:
            return leaf_hash(some[start])
        middle = (start + end) // 2
        return node_hash(node(start, middle), node(middle, end))

    return node


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert root(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_the_tree_of_nothing_has_the_root_of_nothing() -> None:
    assert Tree().root == EMPTY_ROOT


@given(st.integers(0, 70), st.integers(0, 70))
def test_a_tree_grows_in_any_number_of_steps(first: int, more: int) -> None:
    every = leaves(first + more)

    assert Tree().grown(every[:first]).grown(every[first:]) == Tree().grown(every)


@given(st.integers(1, 130), st.data())
def test_every_leaf_can_be_proved_and_no_other_in_its_place(size: int, data: st.DataObject) -> None:
    every = leaves(size)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, looked_up(every))

    assert included(every[index], index, size, proof, root(every))
    assert not included(b"forged", index, size, proof, root(every))
    for other in {index - 1, index + 1, size + index} - {index}:
        assert not included(every[index], other, size, proof, root(every))
    assert not included(
        every[index], index, size, [*proof, proof[0] if proof else b""], root(every)
    )
    if proof:
        assert not included(every[index], index, size, proof[:-1], root(every))


@given(st.integers(1, 130), st.data())
def test_a_tree_that_only_grew_is_proved_and_one_that_changed_is_not(
    new: int, data: st.DataObject
) -> None:
    old = data.draw(st.integers(1, new))
    every = leaves(new)
    proof = consistency_proof(old, new, looked_up(every))

    assert consistent(old, root(every[:old]), new, root(every), proof)
    changed = [b"changed", *every[1:]]
    assert not consistent(old, root(changed[:old]), new, root(every), proof)
    if old < new:
        assert not consistent(old, root(every[:old]), new, root([*every[:-1], b"x"]), proof)
        assert not consistent(old, root(every[:old]), new, root(every), proof[:-1])


def test_each_root_is_another() -> None:
    roots = [root(leaves(size)) for size in range(40)]

    assert all(one != other for one, other in pairwise(roots))
    assert len(set(roots)) == len(roots)
