"""What hub and agent say to each other, beside what is signed: questions, receipts, roots, proofs."""

from contextlib import suppress
from datetime import UTC, datetime

import msgspec

from headwater.calls import blind, commitments
from headwater.errors import Invalid
from headwater.wire.agents import Answer, Party, Question, Questions, Receipt
from headwater.wire.commitments import Proof, Roots, Short, Taken
from headwater.wire.searches import Hits, Search
from tests.fuzz.targets import _django  # noqa: F401 - before the rooms that have models

from headwater.tracebacks import roots  # isort: skip

_PROOF = Proof(minute="2026-11-24T16:00Z", position=5, key="ab" * 32, path=["cd" * 32] * 4)
_QUESTION = Question(
    question_id="Q-1", traceback_id="T-1", hop=1, calling="12155550100", called="13105550111", window_s=60,
    call_at="2026-11-24T16:00:00.000000Z", downstream=Party(spc="709J"), asked_at="", legal_due_at="",
    platform_due_at="",
)  # fmt: skip
_AT = datetime(2026, 11, 24, 16, tzinfo=UTC)
_LEGS = [("13105550111", "505K", _AT), ("", "", _AT)]
_SEARCH = blind.new_search("S-1", bytes(32), called="13105550111", call_at=_AT, closes_at=_AT)
_ROOTS = Roots(1, "709J", "k", bytes(32), [Short(29_000_000, 16, bytes(32), bytes(64)), Short(1, 2, b"", b"")])
SEEDS = [
    b"\0" + msgspec.json.encode(Questions(questions=[_QUESTION])),
    b"\1" + msgspec.json.encode(_PROOF),
    b"\2" + msgspec.msgpack.encode(_ROOTS),
    b"\3" + msgspec.json.encode(Taken(last="", taken=1)),
    b"\4" + msgspec.json.encode(_SEARCH),
    b"\4" + msgspec.json.encode(Hits(hits=[blind.hit(_SEARCH, _LEGS)])),  # type: ignore[list-item]  # it is one
]
TOKENS = [
    b'"position":-1', b'"position":9999999999', b'"path":[]', b'"minute":"\\u0000"', b'"hop":1e9', b"\\ud800", b"[[[[",
    b"\xdd\xff\xff\xff\xff", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", b"\xc4\x00", b"\xd3\x80\0\0\0\0\0\0\0", b"\xc1",
]  # fmt: skip
_REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def target(data: bytes) -> None:
    kind, data = data[:1], data[1:]
    if kind == b"\1":
        with suppress(*_REFUSED, Invalid):
            proof = msgspec.json.decode(data, type=Proof)
            assert len(commitments.root_of(proof, "r", "s")) == 32
    elif kind == b"\2":
        with suppress(*_REFUSED, Invalid):
            sent = msgspec.msgpack.decode(data, type=Roots)
            assert len(roots.rebuild(sent)) == len(sent.roots)
    elif kind == b"\4":
        with suppress(*_REFUSED, blind.BadSearch):
            search = msgspec.json.decode(data, type=Search)
            found = blind.hit(search, _LEGS)
            assert found is None or len(found.carried) <= blind.MOST_PROOFS
        with suppress(*_REFUSED):
            for one in msgspec.json.decode(data, type=Hits).hits:
                blind.shows(one, _SEARCH, called="13105550111", receiver="505K")
    else:
        for message in (Questions, Question, Answer, Receipt, Taken):
            with suppress(*_REFUSED):
                msgspec.json.decode(data, type=message)
