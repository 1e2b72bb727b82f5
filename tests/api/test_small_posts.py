"""Small posts are read together, and nobody can tell."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.api.small_posts import TOGETHER_LINES, SmallPosts
from headwater.calls.bodies import unpack
from headwater.calls.columns import record_at
from headwater.calls.records import SourceKind
from headwater.intake.feed import read_lines
from headwater.intake.sources import Source

ONE = Source(source_id="ORG-ONE", source_kind=SourceKind.APP)
OTHER = Source(source_id="ORG-OTHER", source_kind=SourceKind.HONEYPOT)
AT = datetime.now(UTC) - timedelta(hours=1)


def line(event_id: str, **more: Any) -> bytes:
    event = {"event_id": event_id, "call_at": AT.isoformat(), "calling": "+12155550100", "called": "+13105550111"}
    return json.dumps(event | more, separators=(",", ":")).encode()


def post(*names: str, **more: Any) -> bytes:
    return b"\n".join(line(name, **more) for name in names) + b"\n"


def together(*posts: tuple[bytes, Source], fewest: int = 1) -> list[Any]:
    """Return what each of posts that come at once is read as."""

    async def run() -> list[Any]:
        small = SmallPosts(fewest=fewest)
        return await asyncio.gather(*(small.read(body, source) for body, source in posts))

    return asyncio.run(run())


def names(table: Any) -> list[str]:
    return list(table.column("event_id").to_pylist())


def test_each_post_has_its_own_rows_in_its_own_order() -> None:
    read = together((post("a", "b"), ONE), (post("c").removesuffix(b"\n"), ONE), (post("d", "e", "f"), ONE))
    assert [names(one.table) for one in read] == [["a", "b"], ["c"], ["d", "e", "f"]]


def test_posts_of_two_senders_are_never_read_as_one() -> None:
    read = together((post("a"), ONE), (post("a"), OTHER), (post("b"), ONE))
    assert [(names(one.table), record_at(one.table, 0).source_id) for one in read] == [
        (["a"], "ORG-ONE"),
        (["a"], "ORG-OTHER"),
        (["b"], "ORG-ONE"),
    ]
    assert record_at(read[0].table, 0).record_id != record_at(read[1].table, 0).record_id


def test_a_bad_post_goes_to_the_careful_reader_and_its_neighbours_are_read_by_themselves() -> None:
    read = together((post("a"), ONE), (b'{"event_id":"bad"}', ONE), (post("b"), OTHER), (post("c", "d"), ONE))
    assert read[1] is None
    assert [names(read[place].table) for place in (0, 2, 3)] == [["a"], ["b"], ["c", "d"]]
    alone = together((post("a"), ONE), (b'{"event_id":"bad"}', ONE), (post("b", "c"), ONE), fewest=2)
    assert alone[:2] == [None, None], "one line is the careful reader's"
    assert names(alone[2].table) == ["b", "c"]


def test_an_event_cannot_be_made_of_the_pieces_of_two_posts() -> None:
    whole = line("split")
    read = together((whole[:20], ONE), (whole[20:], ONE))
    assert read == [None, None]


def test_what_the_careful_reader_reads_cheaper_or_better_is_left_to_him() -> None:
    assert together((post("a"), ONE), (post("b"), ONE), fewest=3) == [None, None]
    assert together((b"", ONE), (b"\n", ONE)) == [None, None]


def test_line_ends_of_two_octets_are_read_with_the_others() -> None:
    first, second = together((post("a", "b").replace(b"\n", b"\r\n"), ONE), (post("c"), ONE))
    assert (names(first.table), names(second.table)) == (["a", "b"], ["c"])
    assert unpack(first.body.packed, first.body.length) == post("a", "b").removesuffix(b"\n")


def test_a_full_group_does_not_wait_and_the_next_post_begins_a_new_one() -> None:
    async def run() -> list[Any]:
        small = SmallPosts(fewest=1, gather_s=0.05)
        full = post(*(str(number) for number in range(TOGETHER_LINES)))
        first = asyncio.create_task(small.read(full, ONE))
        await asyncio.sleep(0)
        assert not small._groups, "it was read at once"
        return await asyncio.gather(first, small.read(post("next"), ONE))

    first, second = asyncio.run(run())
    assert (first.table.num_rows, names(second.table)) == (TOGETHER_LINES, ["next"])


def test_a_sender_that_hangs_up_while_it_waits_takes_nothing_from_its_neighbours() -> None:
    async def run() -> Any:
        small = SmallPosts(fewest=1)
        gone = asyncio.create_task(small.read(post("gone"), ONE))
        await asyncio.sleep(0)
        gone.cancel()
        return await small.read(post("b", "c"), ONE)

    assert names(asyncio.run(run()).table) == ["b", "c"]


EVENTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "transcript": st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20),
            "labels": st.lists(st.sampled_from(["a", "ü"]), max_size=2),
            "duration_s": st.integers(0, 100),
            "calling": st.sampled_from(["+12155550100", "anonymous", "2155550100"]),
            "is_recorded_message": st.booleans(),
        },
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=40)
@given(st.lists(EVENTS, min_size=1, max_size=4))
def test_rows_that_were_read_together_are_those_of_the_careful_reader(posts: list[list[dict[str, Any]]]) -> None:
    made = [
        b"\n".join(line(f"{place}-{number}", **event) for number, event in enumerate(events))
        for place, events in enumerate(posts)
    ]
    for body, read in zip(made, together(*((body, ONE) for body in made)), strict=True):
        if read is None:
            continue
        assert unpack(read.body.packed, read.body.length) == body
        careful = read_lines(body, ONE, datetime.now(UTC)).records
        rows = [record_at(read.table, place) for place in range(read.table.num_rows)]
        for one, other in zip(rows, careful, strict=True):
            for name in set(one.__struct_fields__) - {"received_at", "raw", "raw_sha256"}:
                assert getattr(one, name) == getattr(other, name), name
        assert read.table.column("line").to_pylist() == [one.raw for one in careful]
