import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.calls import columns, forms, queries
from headwater.calls.store import CallStore
from tests.calls.samples import report

#: The stored text, said again here: what the table's expression must make of each.
SIGNS = ("+", "=", "-", "~")
NUMBERS = st.one_of(st.just(""), st.from_regex(r"[0-9]{3,15}", fullmatch=True))
TEXTS = st.one_of(st.text(max_size=20), st.text("+=-~0123456789", max_size=4), NUMBERS)


def kept(pairs: list[tuple[str, str]]) -> list[str]:
    """Return the form of each (sent, canonical)."""
    sent, numbers = zip(*pairs, strict=True)
    table = forms.kept(pa.table({"calling": pa.array(numbers), "calling_raw": pa.array(sent)}))
    assert table.column_names == ["calling_digits", "calling_form"]
    assert [str(digits)[1:] for digits in table.column("calling_digits").to_pylist()] == list(numbers)
    return list(table.column("calling_form").to_pylist())


@given(st.lists(st.tuples(TEXTS, NUMBERS), min_size=1, max_size=8))
def test_every_text_comes_back_as_it_was_sent(pairs: list[tuple[str, str]]) -> None:
    back = [forms._text(form, number) for form, (_, number) in zip(kept(pairs), pairs, strict=True)]
    assert back == [sent for sent, _ in pairs]


@given(NUMBERS.filter(bool))
def test_a_text_that_follows_from_the_number_takes_one_sign(number: str) -> None:
    assert kept([(f"+{number}", number), (number, number), (number[1:], number)]) == ["+", "=", "-"]
    assert kept([(f"+{number}", number)]) == ["+"]


@pytest.mark.parametrize("sign", SIGNS)
def test_a_text_that_looks_like_a_sign_is_kept_as_a_text(sign: str) -> None:
    assert kept([(sign, "12155550100"), ("", "12155550100")]) == [f"~{sign}", ""]


def test_the_table_gives_identifier_time_and_numbers_back_though_it_keeps_what_they_follow_from(
    store: CallStore,
) -> None:
    one = report(1, calling="0123", called="")
    store.insert([one])
    (back,) = queries.CallQueries(store.engine, store.database).records([one.record_id])
    assert (back.record_id, back.received_at, back.calling, back.called) == (
        one.record_id,
        one.received_at,
        "0123",
        "",
    )
    with store.engine.client(store.database) as client:
        kinds = dict(client.query("SELECT name, default_kind FROM system.columns WHERE table = 'calls'").result_rows)
    assert {kinds[name] for name in ("record_id", "received_at", "calling", "called")} == {"ALIAS"}


def test_the_table_gives_back_what_was_sent(store: CallStore) -> None:
    sent = [
        "+12155550100",
        "12155550100",
        "2155550100",
        "",
        "anonymous",
        "+",
        "=",
        "-",
        "~",
        "~x",
        "sip:a@b",
        "ü",
        "-1",
    ]
    records = [report(place, calling="12155550100", calling_raw=text) for place, text in enumerate(sent)]
    store.insert(records[:6])
    store.insert_table(columns.table_of(records[6:], range(10**15, 10**15 + len(records) - 6)))
    reads = queries.CallQueries(store.engine, store.database)
    back = {one.event_id: one.calling_raw for one in reads.records([one.record_id for one in records])}
    assert [back[one.event_id] for one in records] == sent
    follows = "record_id, received_at, calling, called, calling_raw, called_raw"
    said = {row[0]: row for row in reads.rows(f"SELECT {follows} FROM calls")}  # noqa: S608 - constants
    for one in reads.records([one.record_id for one in records]):
        assert said[one.record_id] == tuple(getattr(one, name) for name in follows.split(", ")), "as the engine has it"
    again = store.insert(records)
    assert (again.stored, len(again.duplicates)) == (0, len(records))
