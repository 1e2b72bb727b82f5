"""The drawing of a timeline: each moment where its time says, as wide as it is uncertain."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from headwater.cases.states import Lane, Precision
from headwater.cases.timeline import Moment
from headwater.web.components.timeline import LEFT, RIGHT, WIDTH, drawn

#: The machine may be slow; what is drawn is small.
AT = datetime(2026, 11, 24, tzinfo=UTC)
MOMENTS = st.lists(
    st.builds(
        Moment,
        at=st.integers(0, 10_000_000).map(lambda second: AT + timedelta(seconds=second)),
        lane=st.sampled_from(Lane),
        what=st.just("x"),
        precision=st.sampled_from(Precision),
    ),
    max_size=20,
)


@given(MOMENTS)
def test_every_moment_is_inside_the_drawing_in_its_lane(moments: list[Moment]):
    found = drawn(moments)
    assert len(found.marks) == len(moments)
    rows = {row.label: row.y for row in found.rows}
    for moment, mark in zip(moments, found.marks, strict=True):
        assert mark.x >= LEFT - 0.1
        assert mark.x + mark.width <= WIDTH - RIGHT + 0.2
        assert mark.y == rows[moment.lane.label]
    assert sum(row.count for row in found.rows) == len(moments)


def test_a_day_is_as_wide_as_the_day_and_a_later_moment_stands_further_right():
    day = Moment(at=AT, lane=Lane.COURT, what="hearing", precision=Precision.DAY)
    later = Moment(at=AT + timedelta(days=2), lane=Lane.NOTES, what="call")
    first, second = drawn([day, later]).marks
    assert first.width == (WIDTH - LEFT - RIGHT) / 2
    assert second.x > first.x + first.width
    assert "2026-11-24 Court: hearing" in first.says
    assert drawn([]).sentence == "Nothing has a time yet"
