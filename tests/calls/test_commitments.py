"""A root a minute: what stands under it is proved, what does not is not, and nothing tells how much there is."""

import secrets
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.calls.commitments import TooManyRecords, Tree, is_under, leaf, record_key, root_of
from headwater.errors import Invalid
from headwater.wire.commitments import Proof

MINUTE = "2026-06-09T16:00Z"


@dataclass
class Minute:
    secret: bytes
    names: list[str]
    depth: int = 6

    def __post_init__(self) -> None:
        self.keys = [record_key(self.secret, name) for name in self.names]
        leaves = [leaf(key, name, digest(name)) for key, name in zip(self.keys, self.names, strict=True)]
        self.tree = Tree(leaves, secret=self.secret, minute=MINUTE, depth=self.depth)
        self.roots = {MINUTE: self.tree.root.hex()}

    def proof(self, place: int) -> Proof:
        return self.tree.proof(place, key=self.keys[place])


def digest(name: str) -> str:
    return name.encode().hex().ljust(64, "0")


@given(st.integers(1, 64), st.data())
def test_every_record_of_a_minute_is_proved_and_no_other(count: int, data: st.DataObject) -> None:
    minute = Minute(secret=b"s" * 32, names=[f"record-{n}" for n in range(count)])
    place = data.draw(st.integers(0, count - 1))
    proof, name = minute.proof(place), f"record-{place}"
    assert is_under(proof, name, digest(name), minute.roots)
    assert not is_under(proof, name, digest("changed"), minute.roots)
    assert not is_under(proof, "another", digest(name), minute.roots)
    assert not is_under(proof, name, digest(name), {})


@given(st.integers(0, 5), st.integers(0, 31), st.integers(1, 255))
def test_no_octet_of_a_proof_can_be_changed(height: int, octet: int, change: int) -> None:
    minute = Minute(secret=b"s" * 32, names=["a", "b", "c"])
    proof = minute.proof(1)
    sibling = bytearray.fromhex(proof.path[height])
    sibling[octet] ^= change
    path = [*proof.path[:height], sibling.hex(), *proof.path[height + 1 :]]
    assert not is_under(msgspec.structs.replace(proof, path=path), "b", digest("b"), minute.roots)
    assert not is_under(msgspec.structs.replace(proof, position=proof.position ^ 1), "b", digest("b"), minute.roots)


def test_neither_root_nor_proof_tells_how_many_records_a_minute_has() -> None:
    secret = secrets.token_bytes(32)
    few, many = Minute(secret=secret, names=["a"]), Minute(secret=secret, names=[f"r{n}" for n in range(60)])
    assert len(few.proof(0).path) == len(many.proof(0).path) == 6
    empty = Tree([], secret=secret, minute=MINUTE, depth=6)
    assert len(empty.root) == 32
    assert empty.root != Tree([], secret=secret, minute="2026-06-09T16:01Z", depth=6).root
    fillers = set(few.proof(0).path)
    assert len(fillers) == 6, "no filler repeats: a repeated one would show an empty half"


def test_opening_one_leaf_opens_no_other() -> None:
    minute = Minute(secret=b"s" * 32, names=["a", "b"])
    other = leaf(bytes.fromhex(minute.proof(0).key), "b", digest("b"))
    assert other.hex() not in minute.proof(0).path


def test_a_minute_holds_as_many_records_as_its_tree_has_leaves() -> None:
    Minute(secret=b"s" * 32, names=[str(n) for n in range(64)])
    with pytest.raises(TooManyRecords, match="65 records"):
        Minute(secret=b"s" * 32, names=[str(n) for n in range(65)])


@pytest.mark.parametrize(
    "change",
    [{"key": "zz"}, {"key": "ab"}, {"path": ["00"]}, {"position": -1}, {"position": 64}, {"path": ["ab" * 32] * 25}],
)
def test_what_is_no_proof_is_refused(change: dict[str, object]) -> None:
    proof = Minute(secret=b"s" * 32, names=["a"]).proof(0)
    with pytest.raises(Invalid):
        root_of(msgspec.structs.replace(proof, **change), "a", digest("a"))
