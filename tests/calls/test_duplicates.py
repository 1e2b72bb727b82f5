import uuid

from hypothesis import given
from hypothesis import strategies as st

from headwater.calls.duplicates import Seen, identifiers, same_content
from tests.calls.samples import NOON, report

ids = st.lists(st.uuids(), min_size=1, max_size=200, unique=True)


@given(ids, ids)
def test_what_was_added_is_never_called_new(first: list[uuid.UUID], second: list[uuid.UUID]) -> None:
    seen = Seen(1_000_000)
    seen.add(identifiers(first))
    seen.add(identifiers(second))
    assert seen.maybe(identifiers(first + second)).all()


def test_what_was_not_added_is_nearly_always_called_new() -> None:
    seen = Seen(1_000_000)
    seen.add(identifiers([uuid.uuid4() for _ in range(200_000)]))
    assert seen.maybe(identifiers([uuid.uuid4() for _ in range(100_000)])).sum() < 20


def test_the_memory_grows_and_forgets_the_oldest_beyond_its_limit() -> None:
    seen = Seen(600_000)
    oldest = identifiers([uuid.uuid4() for _ in range(1_000)])
    seen.add(oldest)
    for _ in range(6):
        newest = identifiers([uuid.uuid4() for _ in range(260_000)])
        seen.add(newest)
    assert 600_000 <= len(seen) <= 600_000 + 6 * 260_000
    assert seen.maybe(newest).all()
    assert not seen.maybe(oldest).all()


def test_content_is_what_is_said_of_the_call_not_how_it_was_written() -> None:
    assert same_content(report(1), report(1, raw=b"{ }", received_at=NOON))
    assert not same_content(report(1), report(1, labels=["other"]))
    assert not same_content(report(1), report(1, duration_ms=1))
