"""A mapping as data: where in a source's own records each field of the neutral event stands. Pure.

A mapping is a TOML file: the ready ones lie in ``presets/``, an operator's in the folder ``mappings`` of the data
directory. It names no code. The form is described in docs/reference/event-mappings.md.
"""

import re
from collections.abc import Mapping as Members
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from headwater.errors import Invalid, NotFound
from headwater.wire.neutral import EventType

#: Octets of a mapping file that are read.
LONGEST_FILE: Final = 262_144
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,6})\]")

#: Fields of the neutral event that a mapping may fill, by the names that it uses -> the place in the event.
TARGETS: Final[dict[str, tuple[str, ...]]] = {
    "event_type": ("type",),
    "calling": ("data", "calling", "raw"),
    "calling_name": ("data", "calling", "presentation"),
    "calling_kind": ("data", "calling", "kind"),
    "called": ("data", "called", "e164"),
    "called_area": ("data", "called", "area"),
    "called_state": ("data", "called", "state"),
    "called_hmac": ("data", "called", "hmac"),
    "callback": ("data", "advertised_callback", "raw"),
    "call_at": ("data", "call_at"),
    "observed_at": ("data", "observed_at"),
    "disposition": ("data", "disposition"),
    "duration_s": ("data", "duration_s"),
    "ring_s": ("data", "ring_s"),
    "category": ("data", "category"),
    "recorded_message": ("data", "is_recorded_message"),
    "transcript": ("data", "content", "transcript"),
    "language": ("data", "content", "language"),
    "asr": ("data", "content", "asr"),
    "audio": ("data", "content", "audio"),
    "audio_sha256": ("data", "content", "sha256"),
    "audio_fingerprint": ("data", "content", "fingerprint"),
    "terminating_spc": ("data", "network", "terminating_spc"),
    "identity": ("data", "network", "identity"),
    "verstat": ("data", "network", "verstat"),
    "call_id": ("data", "network", "call_id"),
    "block_status": ("data", "network", "block_status"),
    "block_reason": ("data", "network", "block_reason"),
    "volume_count": ("data", "volume", "count"),
    "volume_window_s": ("data", "volume", "window_s"),
    "consent": ("data", "ground", "consent"),
    "authority": ("data", "ground", "authority"),
}
TIMES: Final = frozenset({"call_at", "observed_at"})
NUMBERS: Final = frozenset({"calling", "called", "callback"})


class BadMapping(Invalid):
    """A mapping file is none; the message says what is wrong where."""


class MappingNotFound(NotFound):
    """There is no mapping of that name."""


class Format(StrEnum):
    """How a source's records lie in a file or an answer."""

    CSV = "csv"
    TSV = "tsv"
    JSON = "json"
    NDJSON = "ndjson"


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a mapping file: a misspelt key is noticed."""


class Field(_Strict, frozen=True):
    """Where one field stands, and how its value is read."""

    path: str | list[str] = ""
    """Path or paths, the first that holds something counts; ``@name`` is given with the file."""
    values: dict[str, Any] = {}
    """The source's value, in lower case -> ours. Without the value here, ``otherwise`` is taken."""
    otherwise: Any = None
    default: Any = None
    """Taken where no path holds anything."""
    formats: list[str] = []
    """For times: ``strptime`` formats, ``iso``, ``epoch`` or ``epoch-ms``, tried in order."""
    zone: str = ""
    """For times without a zone: their IANA zone; empty where the source tells none."""
    time_path: str = ""
    """For a date with its time of day beside it: where that stands."""
    time_formats: list[str] = []
    midnight: str = ""
    """``day``: a time of 00:00:00 says that the source knows the day alone."""
    precision: str = ""
    """``minute`` where the source knows no seconds."""
    remove: str = ""
    """Characters that are no part of the value."""


class LabelField(_Strict, frozen=True):
    """One vendor's label."""

    scheme: str
    value: str = ""
    score: str = ""
    scale_min: float | None = None
    scale_max: float | None = None


class Input(_Strict, frozen=True):
    """How the records lie, and how the format is told from others."""

    format: Format
    records: str = ""
    """Path of the list of records in a JSON document; empty where the document is the list or the one record."""
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ","
    columns: list[str] = []
    """Names of the columns where the file has no header line."""
    detect_columns: list[str] = []
    detect_keys: list[str] = []
    detect_pattern: str = ""


class _File(_Strict, frozen=True):
    name: str
    title: str
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    event_type: EventType
    input: Input
    fields: dict[str, str | list[str] | Field]
    id: list[str] = []
    labels: list[LabelField] = []
    blanks: list[str] = msgspec.field(default_factory=lambda: ["", "none", "null", "n/a"])
    required: list[str] = []
    licence: str = ""
    method: str = ""
    verified: bool | None = None


Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """A mapping file that holds."""

    name: str
    title: str
    source: str
    """CloudEvents ``source`` of its events."""
    event_type: EventType
    input: Input
    id_paths: tuple[str, ...]
    """One: the source's own identifier. Several: the event's identifier is their SHA-256. None: of the whole record."""
    fields: Members[str, Field]
    labels: tuple[LabelField, ...]
    blanks: frozenset[str]
    required: tuple[str, ...]
    """Fields without which a record is refused."""
    provenance: Members[str, Any]


def parse_mapping(octets: bytes) -> Mapping:
    """Return the mapping that a TOML file holds.

    Raises:
        BadMapping: it is none.
    """
    if len(octets) > LONGEST_FILE:
        raise BadMapping(f"a mapping file has at most {LONGEST_FILE} octets")
    try:
        file = msgspec.toml.decode(octets, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadMapping(f"the mapping cannot be read: {error}") from error
    if not _NAME.fullmatch(file.name):
        raise BadMapping(f"name {file.name!r}: use lower-case letters, digits and hyphens, at most 48")
    fields = {name: spec if isinstance(spec, Field) else Field(path=spec) for name, spec in file.fields.items()}
    for name in (*fields, *file.required):
        if name not in TARGETS:
            raise BadMapping(f"{name} is no field of an event; known are {', '.join(TARGETS)}")
    for name, spec in fields.items():
        _check_field(name, spec)
    _check_input(file.input)
    return Mapping(
        name=file.name,
        title=file.title,
        source=file.source,
        event_type=file.event_type,
        input=file.input,
        id_paths=tuple(file.id),
        fields=fields,
        labels=tuple(file.labels),
        blanks=frozenset(blank.lower() for blank in file.blanks),
        required=tuple(file.required),
        provenance={"licence": file.licence, "method": file.method, "verified": file.verified},
    )


def _check_field(name: str, field: Field) -> None:
    if name in TIMES and not field.formats:
        raise BadMapping(f"fields.{name}: a time needs formats, such as ['%Y-%m-%d %H:%M:%S'] or ['iso']")
    if name not in TIMES and (field.formats or field.time_path or field.midnight or field.zone):
        raise BadMapping(f"fields.{name} is no time: formats, time_path, midnight and zone are for times")
    if field.midnight not in {"", "day"} or field.precision not in {"", "minute"}:
        raise BadMapping(f"fields.{name}: midnight may be 'day', precision may be 'minute'")
    if field.zone:
        try:
            ZoneInfo(field.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise BadMapping(f"fields.{name}: {field.zone!r} is no time zone such as America/New_York") from error
    if not all(key == key.lower() for key in field.values):
        raise BadMapping(f"fields.{name}.values: write the source's values in lower case; they are compared so")


def _check_input(form: Input) -> None:
    try:
        re.compile(form.detect_pattern)
    except re.error as error:
        raise BadMapping(f"input.detect_pattern is no regular expression: {error}") from error


@cache
def path_of(text: str) -> Path_:
    """Return a path such as ``attributes.company-phone-number`` or ``calls[0].to`` as its steps.

    Raises:
        BadMapping: it is none.
    """
    steps: list[str | int] = []
    for name, place in _STEP.findall(text):
        steps.append(name or int(place))
    if "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in steps).lstrip(".") != text:
        raise BadMapping(f"{text!r} is no path such as attributes.number or calls[0].to")
    return tuple(steps)


def at_path(value: Any, text: str) -> Any:
    """Return what stands at a path in a record; ``None`` where nothing does. A key that holds dots comes first."""
    if isinstance(value, dict) and text in value:
        return value[text]
    for step in path_of(text):
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return None
    return value


@cache
def presets() -> Members[str, Mapping]:
    """Return the ready mappings by name."""
    found = (
        parse_mapping(file.read_bytes())
        for file in files(__package__).joinpath("presets").iterdir()
        if file.name.endswith(".toml")
    )
    return {mapping.name: mapping for mapping in sorted(found, key=lambda mapping: mapping.name)}


def load_mapping(name: str, folder: Path | None = None) -> Mapping:
    """Return a mapping by its name: an operator's in ``folder``, else a ready one.

    Raises:
        MappingNotFound: there is none of that name.
        BadMapping: the operator's file cannot be read, or says another name.
    """
    if folder is not None and _NAME.fullmatch(name):
        own = folder / f"{name}.toml"
        if own.is_file():
            with own.open("rb") as file:
                mapping = parse_mapping(file.read(LONGEST_FILE + 1))
            if mapping.name != name:
                raise BadMapping(f"{own} says name = {mapping.name!r}; a file is named as its mapping")
            return mapping
    if name not in presets():
        raise MappingNotFound(f"There is no mapping {name!r}; ready ones are {', '.join(presets())}.")
    return presets()[name]
