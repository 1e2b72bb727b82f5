"""From a row to the call record that the store keeps, by a mapping. Pure.

A mapping is prepared once (``Mapper``); each row then costs a few look-ups in a list. A row is judged for itself.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from operator import itemgetter
from typing import Any, Final
from zoneinfo import ZoneInfo

from headwater.calls.records import CallRecord, RecordKind
from headwater.identifiers import record_id
from headwater.intake.cdr import radius, times, values
from headwater.intake.cdr.mapping import Column, Condition, Field, Layout, Mapping, Time, Variant, places
from headwater.intake.cdr.rows import BadFile, Row
from headwater.intake.cdr.times import Moment
from headwater.intake.cdr.values import Unreadable
from headwater.intake.provenance import Provenance
from headwater.intake.sip import identity_hints
from headwater.numbering.numbers import UNKNOWN

#: A row that says a call was later than this after our clock, or before 2000, is not believed.
AHEAD: Final = timedelta(days=1)
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
#: Characters of one value that are kept beside the columns.
LONGEST: Final = 512

Get = Callable[[Any], str]


class Passed(Exception):
    """A row of a kind that tells of no call; ``kind`` is the mapping's word for counting."""


class Mapper:
    """One mapping, prepared for the columns of one file."""

    def __init__(
        self,
        mapping: Mapping,
        provenance: Provenance,
        *,
        header: Sequence[str] | None = None,
        zone: ZoneInfo | None = None,
        secret: bytes = b"",
    ) -> None:
        self.mapping = mapping
        self._provenance = provenance
        self._secret = secret
        columns = _Columns(mapping, header)
        zone = zone or mapping.zone_info
        self._variants = [_Kind(variant, columns, mapping, zone) for variant in mapping.row]
        self._marks = {**provenance.marks, "mapping": f"{mapping.name}/{mapping.version} {mapping.digest}"}
        self._repeats: dict[bytes, int] = {}

    def forget_repeats(self) -> None:
        """Begin a new block: rows that are the same octet by octet are told apart within one block only."""
        self._repeats.clear()

    def record(self, row: Row, received_at: datetime) -> CallRecord:
        """Return the record of one row.

        Raises:
            Unreadable: the row is none of this format, or lacks what a record needs; the message says why.
            Passed: it is of a kind that tells of no call.
            NeedsZone: it holds a local time and nobody said whose.
        """
        if row.fault:
            raise Unreadable(row.fault)
        for kind in self._variants:
            if kind.fits(row.values):
                break
        else:
            raise Unreadable("the row is of no kind that this format knows")
        if kind.skip:
            raise Passed
        headers = dict(self._marks)
        if self.mapping.input.layout is Layout.RADIUS:
            headers["authenticator"] = self._authenticator(row)
        return self._made(kind, row, headers, received_at)

    def _made(self, kind: "_Kind", row: Row, headers: dict[str, str], received_at: datetime) -> CallRecord:
        raw, cells, provenance = row.raw, row.values, self._provenance
        said = kind.said(cells, headers)
        call_at, duration = kind.moments(cells, headers)
        if not EARLIEST <= call_at <= received_at + AHEAD:
            raise Unreadable(
                f"the call's time {call_at.isoformat()} is before 2000 or more than a day ahead of our clock"
            )
        calling_raw, called_raw = said["calling"], said["called"]
        calling, called = kind.number(calling_raw), kind.number(called_raw)
        links = kind.links(cells)
        if links:
            headers["links"] = links
        if called == UNKNOWN and calling == UNKNOWN and not said["call_id"] and not links:
            raise Unreadable("the row names no telephone number, no Call-ID and no other leg")
        headers["file-row"], headers["file-offset"] = str(row.number), str(row.offset)
        digest = sha256(raw).digest()
        event_id = self._event_id(digest)
        identity, attest, origid = _signed(said)
        return CallRecord(
            record_id=record_id(provenance.source_id, event_id),
            record_kind=RecordKind.CDR,
            source_kind=provenance.source_kind,
            source_id=provenance.source_id,
            event_id=event_id,
            call_at=call_at,
            received_at=received_at,
            calling=calling,
            called=called,
            calling_raw=calling_raw[:256],
            called_raw=called_raw[:256],
            duration_ms=duration if duration >= 0 else values.milliseconds(said["duration"], kind.units["duration"]),
            ring_ms=values.milliseconds(said["ring"], kind.units["ring"]),
            disposition=said["disposition"][:64],
            sip_method=said["sip_method"][:32],
            sip_status=_whole(said["sip_status"], 999),
            call_id=said["call_id"][:256],
            source_ip=said["source_ip"],
            source_port=_whole(said["source_port"], 65_535),
            destination_ip=said["destination_ip"],
            destination_port=_whole(said["destination_port"], 65_535),
            identity_digest=identity,
            attest=attest,
            origid=origid,
            terminating_spc=said["spc"][:16],
            headers=headers,
            raw=raw,
            raw_sha256=digest,
            credential=provenance.credential,
        )

    def _event_id(self, digest: bytes) -> str:
        """Return the row's identifier: its own octets', so that a file that grew or was cut anew stores nothing twice.

        A row that the switch wrote twice over, octet by octet, is two calls: the second has a number.
        """
        seen = self._repeats.get(digest, 0)
        self._repeats[digest] = seen + 1
        edition = self.mapping.edition
        return f"cdr-{digest.hex()}" + (f"-{seen}" if seen else "") + (f"-e{edition}" if edition > 1 else "")

    def _authenticator(self, row: Row) -> str:
        if not self._secret:
            return "not checked"
        try:
            packet = bytes.fromhex(row.raw.decode("ascii").strip())
        except ValueError:
            return "not checked"  # detail text holds what the server has accepted
        if not radius.is_authentic(packet, self._secret):
            raise Unreadable("the packet's authenticator was not made with this shared secret")
        return "checked"


def _whole(text: str, most: int) -> int:
    return values.whole(text, most) if text else 0


def _signed(said: dict[str, str]) -> tuple[str, str, str]:
    if not said["identity"]:
        attest = said["attest"].upper()
        return "", attest if attest in {"A", "B", "C"} else "", said["origid"][:128]
    hints = identity_hints((said["identity"].encode("utf-8", "replace"),))
    return hints.digest, hints.attest, hints.origid


class _Columns:
    """Finds a mapping's columns in the values of a row: by place in a list, by name or path in an object."""

    def __init__(self, mapping: Mapping, header: Sequence[str] | None) -> None:
        self._is_table = mapping.input.layout is Layout.CSV
        self._places = {name: place for place, name in reversed(list(enumerate(header or ())))}
        # Places that every row has: a row with fewer columns was refused before.
        self._sure = len(header) if header and mapping.input.header else mapping.input.least
        for name in mapping.detect.columns if mapping.input.header and self._is_table else ():
            if name not in self._places:
                raise BadFile(f"the header has no column {name[:60]!r}: the file is not {mapping.title}")

    def get(self, column: Column) -> Get | None:
        """Return what reads ``column``; ``None`` where this file has no such column."""
        if not self._is_table:
            return _member(str(column))
        place = column - 1 if isinstance(column, int) else self._places.get(column, -1)
        if place < 0:
            return None
        if place < self._sure:
            return itemgetter(place)

        def get(cells: list[str]) -> str:
            return cells[place] if place < len(cells) else ""

        return get

    def first(self, columns: Column | list[Column]) -> Get | None:
        """Return what reads the first of ``columns`` that is not empty."""
        wanted = columns if isinstance(columns, list) else [columns]
        found = [get for get in map(self.get, wanted) if get is not None]
        if not found:
            return None
        if len(found) == 1:
            return found[0]
        return lambda cells: next((text for text in (get(cells) for get in found) if text), "")

    def joined(self, columns: Column | list[Column]) -> Get | None:
        """Return what reads all of ``columns``, a space between: a date and a time."""
        wanted = columns if isinstance(columns, list) else [columns]
        found = [get for get in map(self.get, wanted) if get is not None]
        if not found:
            return None
        if len(found) == 1:
            return found[0]
        return lambda cells: " ".join(get(cells) for get in found).strip()


def _member(path: str) -> Get:
    steps: list[str] = path.split(".")

    def get(value: Any) -> str:
        if isinstance(value, dict) and path in value:
            found = value[path]
        else:
            found = value
            for step in steps:
                if isinstance(found, dict):
                    found = found.get(step)
                elif isinstance(found, list) and step.lstrip("-").isdigit() and len(step) < 6:
                    found = found[int(step)] if -len(found) <= int(step) < len(found) else None
                else:
                    return ""
        if isinstance(found, str):
            return found.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
        return "" if found is None or isinstance(found, dict | list | bool) else str(found)

    return get


class _Kind:
    """One kind of row, prepared."""

    def __init__(self, variant: Variant, columns: _Columns, mapping: Mapping, zone: ZoneInfo | None) -> None:
        self.skip = variant.skip
        self.fits = _condition(variant.when, columns) or (lambda _: True)
        self.number = values.number_reader(mapping.numbers)
        self.units = {
            name: values.UNITS.get(variant.fields[name].form if name in variant.fields else "text", 1_000.0)
            for name in ("duration", "ring")
        }
        self._columns: list[tuple[str, Get]] = []
        self._headers: list[tuple[str, Get]] = []
        self._empty = dict.fromkeys(values.COLUMNS, "")
        for name, field in variant.fields.items():
            get = _field(field, columns)
            if get is not None:
                wanted = self._columns if name in self._empty else self._headers
                wanted.append((values.HEADERS.get(name, name), get))
        self._times = {
            name: one for name, time in variant.times.items() if (one := _moment(time, columns, zone)) is not None
        }
        if not variant.skip and not {"call", "start"} & set(self._times):
            raise BadFile(f"the file has no column for the time of a call, which {mapping.title} needs")
        self._call = self._times.pop("call", None)
        self._has_duration = any(name == "duration" for name, _ in self._columns)
        self._links = [
            ([(piece, columns.get(_place(piece))) for piece in places(link)], link) for link in variant.links
        ]

    def said(self, cells: Any, headers: dict[str, str]) -> dict[str, str]:
        """Return the texts of the columns, and put the others into ``headers``."""
        said = self._empty.copy()
        for name, get in self._columns:
            said[name] = get(cells)
        for name, get in self._headers:
            text = get(cells)
            if text:
                headers[name] = text[:LONGEST]
        return said

    def moments(self, cells: Any, headers: dict[str, str]) -> tuple[datetime, int]:
        """Return when the call was, and its talk time in milliseconds where answer and end say it, else -1."""
        call = self._call(cells) if self._call else None
        known: dict[str, Moment] = {}
        for name, read in self._times.items():
            moment = read(cells)
            if moment is not None:
                known[name] = moment
                headers[name] = moment.at.isoformat().replace("+00:00", "Z")
        found = call or known.get("start") or known.get("answer") or known.get("end")
        if found is None:
            raise Unreadable("the row has no time")
        if found.note:
            headers["time-note"] = found.note
        if self._has_duration:
            return found.at, -1
        answer, end = known.get("answer"), known.get("end")
        spent = round((end.at - answer.at).total_seconds() * 1_000) if answer and end else -1
        return found.at, spent if spent <= values.LONGEST_MS else -1

    def links(self, cells: Any) -> str:
        """Return the row's leg link keys, a space between."""
        found = []
        for pieces, template in self._links:
            text = template
            for name, get in pieces:
                part = get(cells) if get else ""
                text = text.replace("{" + name + "}", part.replace(" ", "%20")) if part else ""
            if text:
                found.append(text[:256])
        return " ".join(dict.fromkeys(found))


def _place(text: str) -> Column:
    """Return the column that a link key names: a number is a place."""
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) <= 1_000 else text


def _condition(when: Condition | None, columns: _Columns) -> Callable[[Any], bool] | None:
    if when is None:
        return None
    get = columns.get(when.column)
    if get is None:
        return lambda _: False
    allowed, above = frozenset(when.equals), when.above

    def holds(cells: Any) -> bool:
        text = get(cells).strip()
        if above is None:
            return text in allowed
        try:
            return float(text) > above
        except ValueError:
            return False

    return holds


def _field(field: Field, columns: _Columns) -> Get | None:
    get = columns.first(field.column) if field.column != [] else None
    if get is None:
        if not field.fixed:
            return None
        get = lambda _: ""  # noqa: E731 - a column that is not there
    read = values.FORMS[field.form]
    is_text = read is values.FORMS["text"]
    words, otherwise = field.values, field.values.get("*")
    holds = _condition(field.when, columns)
    fixed = field.fixed
    if is_text and not words and holds is None and not fixed:
        return get

    def value(cells: Any) -> str:
        if holds is not None and not holds(cells):
            return ""
        text = read(get(cells)).strip()
        if words:
            text = words.get(text, text if otherwise is None else otherwise)
        return text or fixed

    return value


def _moment(time: Time, columns: _Columns, zone: ZoneInfo | None) -> Callable[[Any], Moment | None] | None:
    get = columns.joined(time.column)
    if get is None:
        return None
    stated = columns.get(time.zone_column) if time.zone_column is not None and zone is None else None
    if stated is None:
        read = times.reader(time, zone)
        return lambda cells: read(get(cells))
    utc = times.reader(time, ZoneInfo("UTC"))
    form = time.zone_form

    def moment(cells: Any) -> Moment | None:
        found = utc(get(cells))
        if found is None:
            return None
        offset = times.stated_zone(stated(cells), form).utcoffset(None) or timedelta()
        return Moment(found.at - offset, times.FIXED_OFFSET)

    return moment
