from hypothesis import given
from hypothesis import strategies as st

from headwater.web.components.bars import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, bars, nice_top


def test_the_axis_ends_at_a_round_number() -> None:
    assert [nice_top(n) for n in (0, 1, 4, 5, 8, 9, 20, 21, 40, 41, 999)] == [4, 4, 4, 8, 8, 20, 20, 40, 40, 80, 2000]


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=60))
def test_every_bar_stays_within_the_drawing(counts: list[tuple[int, int]]) -> None:
    labels = [str(n) for n in range(len(counts))]
    series = {"app": [a for a, _ in counts], "carrier": [b for _, b in counts]}
    drawing = bars(labels, series, sentence="", every=10, last_is_unfinished=True)
    assert len(drawing.pieces) == sum(bool(n) for pair in counts for n in pair)
    for piece in drawing.pieces:
        assert piece.x >= LEFT
        assert piece.x + piece.width <= WIDTH - RIGHT + 0.2
        assert piece.y >= TOP - 0.2
        assert piece.y + piece.height <= HEIGHT - BOTTOM + 0.6
