"""The tree of the audit: proofs lead to the root of RFC 9162's own definition, and no other proof does."""

import tempfile
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.audit import merkle
from headwater.audit.tree import Tree


def entries(count: int) -> list[bytes]:
    return [merkle.leaf(sha256(str(number).encode()).hexdigest()) for number in range(count)]


def defined(leaves: list[bytes]) -> bytes:
    """The definition of RFC 9162 section 2.1.1, word by word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + defined(leaves[:k]) + defined(leaves[k:])).digest()


LEAVES = entries(700)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A tree with two whole files' worth of a second level, grown in steps."""
    made = Tree(tmp_path_factory.mktemp("tree"))
    for start, end in ((0, 1), (1, 255), (255, 300), (290, 700)):
        made.extend(LEAVES[start:end], after=start)
    assert made.size == 700
    return made


@pytest.mark.parametrize("size", [*range(1, 34), 255, 256, 257, 511, 512, 513, 700])
def test_the_root_is_the_one_that_the_definition_gives(tree: Tree, size: int):
    frontier = merkle.Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf)
    assert tree.root(size) == frontier.root() == defined(LEAVES[:size])


def test_the_root_of_nothing_is_the_hash_of_nothing(tree: Tree):
    assert tree.root(0) == merkle.Frontier().root() == defined([])


@settings(max_examples=150)
@given(st.data())
def test_a_path_proves_its_own_entry_at_its_own_place_and_no_other(tree: Tree, data: st.DataObject):
    size = data.draw(st.integers(1, 700))
    at = data.draw(st.integers(0, size - 1))
    path, root = tree.inclusion(at, size), tree.root(size)
    assert merkle.root_of_inclusion(at, size, LEAVES[at], path) == root
    other = data.draw(st.integers(0, 699))
    if other != at:
        assert merkle.root_of_inclusion(at, size, LEAVES[other], path) != root
        # Elsewhere in the tree the same path leads elsewhere, or does not fit.
        assert merkle.root_of_inclusion(other, size, LEAVES[at], path) != root
    assert merkle.root_of_inclusion(at, size, LEAVES[at], [*path, root]) != root
    if path:
        assert merkle.root_of_inclusion(at, size, LEAVES[at], path[:-1]) != root
        bent = list(path)
        step = data.draw(st.integers(0, len(path) - 1))
        bent[step] = bytes([bent[step][0] ^ 1]) + bent[step][1:]
        assert merkle.root_of_inclusion(at, size, LEAVES[at], bent) != root


@settings(max_examples=150)
@given(st.data())
def test_a_longer_log_is_proven_to_begin_with_the_shorter_and_with_no_other(tree: Tree, data: st.DataObject):
    size = data.draw(st.integers(1, 700))
    earlier = data.draw(st.integers(1, size))
    path, first, last = tree.consistency(earlier, size), tree.root(earlier), tree.root(size)
    assert merkle.consistent(earlier, first, size, last, path)
    assert not merkle.consistent(earlier, first, size, last, [*path, last])
    forged = sha256(first).digest()
    assert not merkle.consistent(earlier, forged, size, last, path)
    assert not merkle.consistent(earlier, first, size, forged, path)
    if path:
        assert not merkle.consistent(earlier, first, size, last, path[:-1])


def test_questions_about_what_is_not_there_are_refused(tree: Tree):
    for position, size in ((-1, 5), (5, 5), (0, 0)):
        with pytest.raises(ValueError, match="none at"):
            tree.inclusion(position, size)
        assert merkle.root_of_inclusion(position, size, LEAVES[0], []) is None
    for earlier, size in ((0, 5), (6, 5)):
        with pytest.raises(ValueError, match="no beginning"):
            tree.consistency(earlier, size)
        assert not merkle.consistent(earlier, LEAVES[0], size, LEAVES[0], [])
    with pytest.raises(ValueError, match="has no"):
        tree.root(701)
    with pytest.raises(ValueError, match="cannot be added"):
        tree.extend(LEAVES, after=701)


def test_a_hash_half_written_at_a_crash_and_a_level_that_was_not_reached_are_made_good():
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(Path(folder))
        tree.extend(LEAVES[:600], after=0)
        (Path(folder) / "level-1").unlink()
        with (Path(folder) / "level-0").open("ab") as file:
            file.write(b"half")
        again = Tree(Path(folder))
        again.extend(LEAVES[600:], after=600)
        assert again.root(700) == defined(LEAVES)
