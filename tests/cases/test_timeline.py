"""Moments: never said more exactly than they are known, each once, in order."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from headwater.cases.states import Lane, Precision
from headwater.cases.timeline import Moment, cut, ordered, rows

#: The machine may be slow; what is drawn is small.
AT = datetime(2026, 11, 24, 15, 4, 59, 123_456, tzinfo=UTC)
MOMENTS = st.builds(
    Moment,
    at=st.integers(0, 10_000_000).map(lambda second: AT - timedelta(seconds=second)),
    lane=st.sampled_from(Lane),
    what=st.sampled_from(["one", "other"]),
    precision=st.sampled_from(Precision),
)


def test_a_moment_is_said_as_exactly_as_it_is_known():
    said = {
        precision: Moment(at=cut(AT, precision), lane=Lane.CALLS, what="x", precision=precision).spoken
        for precision in Precision
    }
    assert said == {
        Precision.EXACT: "2026-11-24T15:04:59Z",
        Precision.MINUTE: "2026-11-24T15:04Z",
        Precision.DAY: "2026-11-24",
    }


def test_a_day_in_another_zone_is_cut_in_utc():
    eastern = datetime.fromisoformat("2026-11-24T22:00:00-05:00")
    assert cut(eastern, Precision.DAY) == datetime(2026, 11, 25, tzinfo=UTC)


@given(st.lists(MOMENTS, max_size=20), st.randoms(use_true_random=False))
def test_the_order_is_that_of_time_whoever_told_first(moments: list[Moment], rng: object):
    once = ordered(moments)
    rng.shuffle(moments)  # type: ignore[attr-defined]
    assert ordered([*moments, *moments]) == once
    assert [one.at for one in once] == sorted(one.at for one in once)
    assert len(rows(once)) == len(set(moments))


@given(MOMENTS)
def test_the_end_of_an_export_row_covers_its_moment(moment: Moment):
    (row,) = rows([moment])
    assert moment.at <= moment.until
    assert row["precision"] == moment.precision
    assert row["until"] >= row["at"][:10]
