"""When a source is asked again, and for what."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.connectors import rules
from headwater.connectors.config import BadConnector, Kind, Settings, parse
from headwater.connectors.fetch import retry_after, same_origin

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
FILE = b"""
name = "ftc"
kind = "ftc"
url = "https://api.ftc.gov/v0/dnc-complaints"
mapping = "ftc-dnc-api"
token_file = "secrets/ftc"
"""


def settings(kind: Kind = Kind.FTC, **more: object) -> Settings:
    plain = {"name": "x", "url": "https://example.org", "mapping": "m", "token_file": "t"}
    return Settings(kind=kind, **(plain | more))  # type: ignore[arg-type]


@given(st.integers(0, 60), st.floats(0, 1), st.none() | st.integers(0, 10**9))
def test_the_next_pull_is_never_at_once_and_never_in_years(failures: int, chance: float, wait: int | None) -> None:
    asked = None if wait is None else timedelta(seconds=wait)
    pause = rules.next_at(NOW, interval=HOUR, failures=failures, wait=asked, chance=chance) - NOW
    assert timedelta(seconds=1) <= pause <= rules.LONGEST_WAIT
    if wait is not None:
        assert pause >= min(asked or timedelta(), rules.LONGEST_WAIT)


def test_failures_double_the_pause_up_to_six_hours() -> None:
    pauses = [rules.next_at(NOW, interval=HOUR, failures=count) - NOW for count in range(1, 14)]
    assert pauses[:4] == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8)]
    assert pauses[-1] == rules.LONGEST_PAUSE
    assert pauses == sorted(pauses)


def test_the_ftc_is_read_day_by_day_until_a_page_is_empty_and_its_last_days_again() -> None:
    ftc, cursor, asked = settings(since="2026-11-22"), {}, []
    held = {"2026-11-22": 60, "2026-11-23": 0, "2026-11-24": 50}
    for _ in range(20):
        wanted = rules.request(ftc, cursor, now=NOW).parameters
        day, offset = wanted["created_date"], int(wanted["offset"])
        page = [{}] * max(min(50, held[day] - offset), 0)
        asked.append((day, offset, len(page)))
        cursor, more = rules.after(ftc, cursor, page, now=NOW)
        if not more:
            break
    assert asked == [
        ("2026-11-22", 0, 50), ("2026-11-22", 50, 10), ("2026-11-22", 60, 0), ("2026-11-23", 0, 0),
        ("2026-11-24", 0, 50), ("2026-11-24", 50, 0),
    ]  # fmt: skip
    assert cursor == {"day": "2026-11-21", "offset": 0}


@pytest.mark.parametrize("cursor", [{"day": "never"}, {"day": 7}, {"day": "2099-01-01"}, {"offset": -3}, {"day": None}])
def test_a_cursor_that_makes_no_sense_begins_at_a_sensible_day(cursor: dict[str, object]) -> None:
    wanted = rules.request(settings(), cursor, now=NOW).parameters
    assert date(2026, 11, 21) <= date.fromisoformat(wanted["created_date"]) <= NOW.date()
    assert wanted["offset"] == "0"


def test_socrata_goes_on_after_the_last_row_even_within_one_moment() -> None:
    fcc = settings(Kind.SOCRATA, page_size=2)
    assert "$where" not in rules.request(fcc, {}, now=NOW).parameters
    page = [
        {":updated_at": "2026-01-01T00:00:00", ":id": "row-a"},
        {":updated_at": "2026-01-01T00:00:00", ":id": "r'b"},
    ]
    cursor, more = rules.after(fcc, {}, page, now=NOW)
    assert more
    where = rules.request(fcc, cursor, now=NOW).parameters["$where"]
    assert where == (":updated_at > '2026-01-01T00:00:00' OR (:updated_at = '2026-01-01T00:00:00' AND :id > 'r''b')")
    assert rules.after(fcc, cursor, [], now=NOW) == (cursor, False)
    with pytest.raises(rules.Rubbish, match="does not page"):
        rules.after(fcc, cursor, page, now=NOW)
    with pytest.raises(rules.Rubbish, match="no :updated_at"):
        rules.after(fcc, {}, [{"id": 1}], now=NOW)


@pytest.mark.parametrize(
    ("change", "said", "why"),
    [
        (b"https://", b"http://", "begin with https"),
        (b"https://", b"https://[", "the url cannot be read"),
        (b"https://", b"https://me:secret@", "neither a login"),
        (b'name = "ftc"', b'name = "fcc"', "named as it says"),
        (b'kind = "ftc"', b'kind = "ftp"', "Invalid enum"),
        (b"mapping", b"maping", "maping"),
        (b"name", b"interval_s = 1\nname", "interval_s"),
        (b"name", b"= broken\nname", "connector ftc"),
        (b"name", b"x = " + b"[" * 2_000 + b"\nname", "connector ftc: maximum recursion"),
    ],
)
def test_a_file_that_does_not_hold_is_refused(change: bytes, said: bytes, why: str) -> None:
    assert parse(FILE, name="ftc").kind is Kind.FTC
    with pytest.raises(BadConnector, match=why):
        parse(FILE.replace(change, said, 1), name="ftc")


def test_what_retry_after_says() -> None:
    assert retry_after("120", NOW) == timedelta(minutes=2)
    assert retry_after("Tue, 24 Nov 2026 15:10:00 GMT", NOW) == timedelta(minutes=10)
    assert retry_after("Tue, 24 Nov 2020 15:10:00 GMT", NOW) == timedelta()
    assert retry_after("soon", NOW) is None
    assert retry_after("9" * 400, NOW) == timedelta(days=365)


def test_one_origin_is_one_scheme_host_and_port() -> None:
    assert same_origin("https://a.example/1", "https://a.example/2?x")
    assert not same_origin("https://a.example", "https://a.example:8443")
    assert not same_origin("https://a.example", "https://a.example.evil.example")
    assert not same_origin("https://a.example", "https://[broken")
