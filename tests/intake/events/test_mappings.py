"""The ready mappings on the sources' own files, and mappings that an operator writes."""

import gzip
import io
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.calls.records import CallRecord, SourceKind
from headwater.errors import Invalid
from headwater.intake import feed
from headwater.intake.events import items, mapping
from headwater.intake.events.apply import Mapper, NotMapped
from headwater.intake.events.items import Item
from headwater.intake.sources import Source
from tests.product import ROOT

DATA = ROOT / "tests" / "data" / "feeds"
NOW = datetime(2026, 11, 24, 15, 5, tzinfo=UTC)
DESK = Source(source_id="ORG-FTC", source_kind=SourceKind.COMPLAINT)
DAY = b"2025-12-03"
OWN = b"""
name = "own"
title = "Ours"
source = "urn:own"
event_type = "call.reported"
id = ["id"]
required = ["calling"]
[input]
format = "%s"
[fields]
calling = ["from.number", "ani"]
called = "legs[0].to"
call_at = { path = "at", formats = ["iso", "epoch"], zone = "America/Detroit" }
category = { path = "kind", values = { scam = "impersonation" }, otherwise = "other" }
duration_s = "seconds"
"""


def own(form: str = "json") -> mapping.Mapping:
    return mapping.parse_mapping(OWN % form.encode())


def read(
    found: mapping.Mapping, octets: bytes, **given_: str
) -> tuple[list[tuple[CallRecord, Item]], list[tuple[Item, str]]]:
    """Return what a file comes to, through the reader of the feed door itself."""
    mapper = Mapper(found, {"observed_at": "2026-11-24T00:00:00+00:00"} | given_)
    taken, refused = [], []
    for item in items.items(io.BytesIO(octets), found.input):
        try:
            if item.fault:
                raise NotMapped(item.fault)
            line = msgspec.json.encode(mapper.event(item.value, item.original))
            taken.append((feed.read_line(line, DESK, NOW), item))
        except Invalid as error:
            refused.append((item, str(error)))
    return taken, refused


def sample(name: str, **given_: str) -> tuple[list[CallRecord], list[tuple[Item, str]]]:
    octets = (DATA / name).read_bytes()
    found = items.recognise(octets[:65_536], mapping.presets())
    assert found is not None, f"{name} is not recognised"
    taken, refused = read(found, octets, **given_)
    return [record for record, _ in taken], refused


def test_ftc_rows_become_complaints_and_the_one_without_a_number_is_refused() -> None:
    records, refused = sample("ftc-dnc-complaints.csv")
    first = records[0]
    assert (first.calling, first.called, first.call_at) == (
        "14342481967",
        "",
        datetime(2026, 9, 22, 18, 22, tzinfo=UTC),
    )
    assert first.headers["call_at_precision"] == "minute"
    assert first.headers["call_at_zone"] == "unknown"
    assert (first.headers["called_area"], first.headers["called_state"]) == ("510", "California")
    assert (first.headers["category"], "recorded_message" in first.headers) == ("debt", False)
    assert [record.headers.get("recorded_message") for record in records[1:]] == ["yes"] * 3
    assert [(item.position, why) for item, why in refused] == [(6, "calling is missing")]
    assert b"SACRAMENTO" in first.raw


def test_a_complaint_dated_at_midnight_is_one_whose_hour_is_not_known() -> None:
    header, *_ = (DATA / "ftc-dnc-complaints.csv").read_bytes().split(b"\n")
    row = b"7075550100,2026-05-14 00:00:15,2026-05-13 00:00:00,Eureka,California,707,Other,Y"
    ((record, _),), _ = read(mapping.presets()["ftc-dnc-csv"], header + b"\n" + row)
    assert record.headers["call_at_precision"] == "day"
    assert record.call_at == datetime(2026, 5, 13, 12, tzinfo=UTC)


def test_the_ftcs_api_gives_the_same_fields_under_its_own_identifier() -> None:
    (record,), refused = sample("ftc-dnc-complaints-api.json")
    assert record.event_id.endswith(" 79923e06b1c74d47e6ad5826b7554046")
    assert (record.calling, record.headers["category"], record.headers["recorded_message"]) == (
        "17867056421", "dropped", "yes",
    )  # fmt: skip
    assert refused == []


def test_fcc_complaints_with_their_misspelt_column() -> None:
    records, refused = sample("fcc-3xyp-aqkj.json")
    nine, day = records
    assert nine.call_at == datetime(2026, 8, 1, 9, 15, tzinfo=UTC)
    assert (nine.headers["call_at_precision"], nine.headers["callback"]) == ("minute", "13105561201")
    assert "fcc.type_of_call_or_messge=Telemarketing" in nine.labels
    assert (day.headers["call_at_precision"], day.call_at.hour) == ("day", 12)
    assert (day.headers["category"], day.headers["recorded_message"]) == ("spoofed_own_number", "yes")
    assert [why for _, why in refused] == ["calling is missing"]


def test_reputations_keep_the_vendors_words_and_scales() -> None:
    hiya, _ = sample("hiya-spammer-cache.tsv")
    assert [(record.calling, record.labels[0]) for record in hiya][1] == ("14255553000", "hiya.verdict=FRAUD")
    assert [record.headers.get("category") for record in hiya] == [None, None, "telemarketing", "robocall"]
    (youmail,), _ = sample("youmail-v2-phone.json")
    assert (youmail.calling, youmail.call_at.year) == ("19991002000", 2016)
    (pure,), _ = sample("purecallerid-spam-check.json", number="+12155550100")
    label = json.loads(pure.headers["labels"])[0]
    assert label == {
        "scheme": "purecallerid.spamScore",
        "value": "LOW",
        "score": 47.0,
        "scale_min": 0,
        "scale_max": 100,
    }
    _, refused = sample("purecallerid-spam-check.json")
    assert refused[0][1] == "calling is missing"


def test_a_word_in_place_of_youmails_number_is_taken_as_it_stands() -> None:
    document = json.loads((DATA / "youmail-v2-phone.json").read_text())
    document["spamRisk"]["level"] = "Danger"
    ((record, _),), _ = read(mapping.presets()["youmail-v2"], json.dumps(document).encode())
    assert "youmail.spamRisk.level=Danger" in record.labels


def test_tracebacks_keep_the_campaign_name_of_the_itg() -> None:
    records, _ = sample("itg-tracebacks.csv")
    assert len(records) > 50
    assert "itg.campaign=Medicare-AddlBenefits" in records[0].labels
    assert {record.headers["call_at_precision"] for record in records} == {"day"}


def test_a_snapshot_of_complaints_goes_in_but_for_what_is_no_number() -> None:
    octets = (DATA / "ftc-dnc-numbers.csv.gz").read_bytes()
    taken, refused = read(mapping.presets()["number-list"], octets)
    rows = gzip.decompress(octets).decode().splitlines()[1:]
    assert len(taken) + len(refused) == len(rows) == 1_400
    assert {why for _, why in refused} == {"calling is no telephone number"}
    # Each refused row truly holds no number: one or two digits, more than fifteen, or a letter.
    for item, _ in refused:
        number = item.original.split(",")[1]
        assert not (number.isdigit() and 3 <= len(number) <= 15), number
    assert len({record.event_id for record, _ in taken}) == len(taken), "two complaints about one number are two"
    impossible = sum(record.headers.get("calling_possible") == "no" for record, _ in taken)
    assert impossible >= 100


def test_reading_a_file_again_gives_the_same_identifiers() -> None:
    octets = (DATA / "ftc-dnc-numbers.csv.gz").read_bytes()
    once, again = (read(mapping.presets()["number-list"], octets)[0] for _ in range(2))
    assert [record.record_id for record, _ in once] == [record.record_id for record, _ in again]


def test_an_operators_own_mapping_by_paths() -> None:
    document = {"id": 7, "ani": "2155550100", "legs": [{"to": "+13105550111"}], "at": "2026-11-24T09:00:00",
                "kind": "Scam", "seconds": "12.5"}  # fmt: skip
    ((record, _),), _ = read(own(), json.dumps([document]).encode())
    assert record.event_id == "urn:own 7"
    assert (record.calling, record.called, record.duration_ms) == ("12155550100", "13105550111", 12_500)
    assert record.call_at == datetime(2026, 11, 24, 14, tzinfo=UTC), "nine in Detroit"
    assert record.headers["category"] == "impersonation"
    assert "call_at_zone" not in record.headers


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (b"calling = [", b"caling = ["),
        (b'"urn:own"', b'""'),
        (b'event_type = "call.reported"', b'event_type = "call.made"'),
        (b'zone = "America/Detroit"', b'zone = "Detroit"'),
        (b'formats = ["iso", "epoch"], ', b""),
        (b'"legs[0].to"', b"{ path = \"legs[0].to\", midnight = 'day' }"),
        (b"values = { scam", b"values = { Scam"),
        (b'name = "own"', b'name = "../own"'),
        (b"[fields]", b"[fields"),
        (b"[fields]", b"nonsense = 1\n[fields]"),
    ],
)
def test_a_mapping_that_does_not_hold_is_refused(change: bytes, said: bytes) -> None:
    whole = OWN % b"json"
    assert change in whole
    with pytest.raises(mapping.BadMapping):
        mapping.parse_mapping(whole.replace(change, said))


def test_the_operators_mapping_of_a_name_comes_before_the_ready_one(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_bytes(OWN % b"json")
    assert mapping.load_mapping("own", tmp_path).title == "Ours"
    assert mapping.load_mapping("webhook", tmp_path).name == "webhook"
    (tmp_path / "webhook.toml").write_bytes(OWN % b"json")
    with pytest.raises(mapping.BadMapping, match="named as its mapping"):
        mapping.load_mapping("webhook", tmp_path)
    with pytest.raises(mapping.MappingNotFound):
        mapping.load_mapping("../own", tmp_path)


def test_rubbish_between_rows_costs_the_rubbish_alone() -> None:
    good = [DAY + b",21555501%02d\n" % number for number in range(3)]
    unended, endless = DAY + b',"2155550109\n', b"x" * 70_000 + b"\n"
    body = b"batch,number\n" + good[0] + unended + endless + good[1] + b"d,1,2\n\xff\xfe,2155550104\n" + good[2]
    taken, refused = read(mapping.presets()["number-list"], body)
    assert [record.calling[-2:] for record, _ in taken] == ["00", "01", "02"]
    assert sorted(item.position for item, _ in refused) == [3, 4, 6, 7]


def test_a_quote_that_never_ends_costs_one_row() -> None:
    rows = b"".join(DAY + b",21555501%02d\n" % number for number in range(40))
    taken, refused = read(mapping.presets()["number-list"], b'batch,number\nz,"2155550199\n' + rows)
    assert len(taken) == 40
    assert [(item.position, why) for item, why in refused] == [(2, "a quoted value does not end within 20 lines")]


@pytest.mark.parametrize(
    ("name", "octets", "said"),
    [
        ("ftc-dnc-csv", b"<html><body>Access denied</body></html>", "no column Company_Phone_Number"),
        ("ftc-dnc-csv", b"Company_Phone_Number\rCreated_Date\n", "no column Company_Phone_Number"),
        ("ftc-dnc-api", b"<html>", "no JSON document"),
        ("ftc-dnc-api", b'{"error": {"code": "OVER_RATE_LIMIT"}}', "nothing at 'data'"),
        ("ftc-dnc-csv", gzip.compress((DATA / "ftc-dnc-complaints.csv").read_bytes())[:-120], "damaged or cut off"),
    ],
)
def test_a_file_that_is_none_is_refused_whole(name: str, octets: bytes, said: str) -> None:
    with pytest.raises(items.BadFile, match=said):
        read(mapping.presets()[name], octets)


def test_a_gzip_bomb_of_one_line_is_held_to_the_bound() -> None:
    taken, refused = read(mapping.presets()["number-list"], gzip.compress(b"batch,number\n" + b"9" * 50_000_000))
    assert taken == []
    assert len(refused[0][0].original) <= items.LINE_OCTETS


def test_each_format_is_recognised_as_itself_and_rubbish_as_none() -> None:
    found = Counter(
        getattr(items.recognise(path.read_bytes()[:65_536], mapping.presets()), "name", "")
        for path in DATA.iterdir()
        if path.suffix != ".md"
    )
    assert set(found.values()) == {1}
    assert items.recognise(b"\x00\x01\x02", mapping.presets()) is None
    assert items.recognise(b"\x1f\x8b\x00rubbish", mapping.presets()) is None
    assert items.recognise(b"a\rb,c\n", mapping.presets()) is None


@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["from", "number", "legs", "to", "at", "ani", "id",
    "kind", "seconds"]), inner, max_size=5)), max_leaves=15))  # fmt: skip
def test_whatever_a_record_holds_it_is_an_event_or_a_refusal(value: Any) -> None:
    mapper = Mapper(own())
    try:
        event = mapper.event(value, "x")
        feed.read_line(msgspec.json.encode(event), DESK, NOW)
    except Invalid:
        return
