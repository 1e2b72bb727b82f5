"""A do-not-originate list, and the index that is made of it: what is listed is found, and nothing beside it."""

import io

from headwater.numbering.ranges import OPEN, BadIndex, RangeIndex, Span
from headwater.providers.registries import tables
from headwater.providers.registries.entries import BadRegistry, Entry

SEEDS = [
    b"2155550100\n2155550100-2155550199\n21555502XX\n",
    b"first,last,kind,reason,source,from,to\n8005550100,8005550199,Subscriber-set,inbound only,IRS,2026-01-01,\n",
    b"number,kind\n+1 (215) 555-0100,unused\n",
    RangeIndex([Span(12_155_550_100, 12_155_550_199, 0, OPEN, "unused")]).to_bytes(),
]
TOKENS = [b"-", b"XXXX", b"number\n", b"kind", b"unallocated", b"+1", b"99999999999", b",,,", b"HWRANGE1", b"TO"]


def target(data: bytes) -> None:
    try:
        index = RangeIndex.from_bytes(data)
    except BadIndex:
        index = None
    if index is not None:
        assert len(index) >= 0
    try:
        entries = [one for one in tables.dno(io.BytesIO(data)) if isinstance(one, Entry)]
    except BadRegistry:
        return
    spans = [Span(one.first or 0, one.last or 0, 0, OPEN, one.detail["kind"]) for one in entries]
    made = RangeIndex.from_bytes(RangeIndex(spans).to_bytes())
    for span in spans:
        assert span in list(made.spans_of(span.first))
        assert span in list(made.spans_of(span.last))
