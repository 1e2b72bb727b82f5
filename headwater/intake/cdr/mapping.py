"""What a mapping of call detail records says, and how it is read and checked. A mapping is data, never code.

The ready ones lie in ``presets/``; a carrier writes its own in the same form. docs/reference/cdr-formats.md is made
from them. Nothing in a mapping can run for long: there are no patterns to match, only columns, forms and words.
"""

import re
import tomllib
from enum import StrEnum
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from headwater.errors import Invalid, NotFound

#: Octets that a mapping's file may have.
MAPPING_OCTETS: Final = 65_536
#: Encodings in which a line end and a digit are the octets that they are in ASCII.
ENCODINGS: Final = ("utf-8", "latin-1", "cp1252", "ascii")
_PLACE: Final = re.compile(r"\{([^{}]{1,128})\}")

Column = str | Annotated[int, msgspec.Meta(ge=1, le=1_000)]
"""A column by its name, or by its place from 1. In JSON a name is a path: ``variables.uuid``, ``callflow.0.times``."""
Name = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,47}\Z")]


class BadMapping(Invalid):
    """A mapping cannot be used; the message names the place and what to write there."""


class UnknownFormat(NotFound):
    """There is no mapping of that name."""


class Layout(StrEnum):
    """How a file is cut into rows, and a row into values."""

    CSV = "csv"
    """Separated values, one row a line unless a quoted value goes on in the next."""
    JSON = "json"
    """Objects: one a line, one after the other, in an array, or the ``cdr=`` form that a switch posts."""
    KEY_VALUE = "key-value"
    """``name=value;`` in a line of a log."""
    RADIUS = "radius"
    """RADIUS accounting packets in hexadecimal, one a line, or FreeRADIUS ``detail`` text."""


class Standing(StrEnum):
    """What a layout was checked against."""

    RECORDED = "recorded"
    """Rows that the real program wrote."""
    PUBLIC = "public"
    """A public record of the real program."""
    SOURCE = "source"
    """Rows written by hand to the list in the program's source."""
    DOCUMENTED = "documented"
    """Documentation alone; no row of the program was seen."""
    OWN = "own"
    """A user's own mapping."""


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a mapping: an unknown member is an error, so that a misspelt one is noticed."""


class Extra(_Strict, frozen=True, kw_only=True):
    """Rows of ``count`` columns have ``number`` extra ones, the first at place ``at`` (from 1): they are left out."""

    count: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    at: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    number: Annotated[int, msgspec.Meta(ge=1, le=1_000)]


class Input(_Strict, frozen=True, kw_only=True):
    """How the file is cut."""

    layout: Layout = Layout.CSV
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ","
    quoted: bool = True
    """Values may stand in double quotes."""
    multiline: bool = True
    """A quoted value may go on in the next line. False where a switch leaves quotes open."""
    loose_quotes: bool = False
    """Quotes inside quoted values are not doubled: only one beside a delimiter opens or closes."""
    header: bool = False
    """The first row names the columns."""
    skip: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    """Lines before the first row, or before the header."""
    after_header: Annotated[int, msgspec.Meta(ge=0, le=10)] = 0
    """Lines after the header that are no rows, such as a row of types."""
    columns: list[str] = []
    """Names of the columns of a file without a header; the last ones may be missing."""
    least: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1
    """A row with fewer columns is refused."""
    most: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1_000
    extra: Extra | None = None
    begins: str = ""
    """Key-value: what stands before it in a line is not read."""
    encoding: str = "utf-8"


class TimeForm(StrEnum):
    """How a time is written. Anything else is a ``pattern`` of ``strptime``."""

    ISO = "iso"
    EPOCH_S = "epoch-s"
    EPOCH_MS = "epoch-ms"
    EPOCH_US = "epoch-us"
    JULIAN = "julian"
    DATABASE = "database"
    """As a database exports it: Julian day, Unix time or ISO, told apart by its looks."""
    ACME = "acme"
    """``15:54:56.868 PST DEC 18 2017``"""
    CISCO = "cisco"
    """``*15:54:56.868 UTC Fri Dec 18 2026``, as in h323-setup-time"""
    PATTERN = "pattern"


class Time(_Strict, frozen=True, kw_only=True):
    """Where a moment stands and how it is written."""

    column: Column | list[Column]
    """Several are joined by a space: date and time apart."""
    form: TimeForm = TimeForm.ISO
    pattern: str = ""
    """Of ``strptime``; more, separated by ``|``, are tried in turn."""
    shift_s: float = 0.0
    """Seconds to add: what a program is known to write too early."""
    zone_column: Column | None = None
    zone_form: Annotated[str, msgspec.Meta(pattern=r"\A(gmt-offset|minutes-west|)\Z")] = ""
    """``gmt-offset``: ``GMT-05:00-Eastern`` in the row. ``minutes-west``: minutes west of Greenwich."""


class Condition(_Strict, frozen=True, kw_only=True):
    """Which rows are meant."""

    column: Column
    equals: list[str] = []
    above: float | None = None


class Field(_Strict, frozen=True, kw_only=True):
    """Where a value stands; of several columns the first that is there and not empty."""

    column: Column | list[Column] = []
    form: str = "text"
    """A word of ``values.FORMS``."""
    values: dict[str, str] = {}
    """The source's word -> ours; "*" for every other."""
    fixed: str = ""
    """Where no column has a value."""
    when: Condition | None = None


class Variant(_Strict, frozen=True, kw_only=True):
    """One kind of row."""

    when: Condition | None = None
    """Which rows; without it all that no earlier variant took."""
    skip: bool = False
    """Rows of this kind tell of no call: they are counted and passed over."""
    times: dict[str, Time] = {}
    """``call``, ``start``, ``answer``, ``end``."""
    fields: dict[str, Field] = {}
    links: list[str] = []
    """Leg link keys, such as ``uuid:{bridge_uuid}``: rows that share one are one call. Left out where a part is
    empty."""


class Numbers(_Strict, frozen=True, kw_only=True):
    """How the source writes telephone numbers."""

    strip: list[str] = []
    """Prefixes that are no part of a number (a technical prefix, a trunk access digit): the first that fits goes."""
    country: Annotated[str, msgspec.Meta(pattern=r"\A[1-9][0-9]{0,2}\Z")] = "1"
    """Country code of numbers written without one."""
    national_prefix: str = ""
    """What stands before a number within the country, such as 0."""


class Detect(_Strict, frozen=True, kw_only=True):
    """By what a file of this format is known; besides, its rows must be readable."""

    columns: list[str] = []
    """Names that the header must hold, or members that an object must have."""
    contains: list[str] = []
    """Texts that a line must hold."""
    first: list[str] = []
    """Values that the first column may have."""


class Mapping(_Strict, frozen=True, kw_only=True):
    """How the rows of one source become call records."""

    name: Name
    title: Annotated[str, msgspec.Meta(max_length=200)]
    version: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1
    standing: Standing = Standing.OWN
    note: str = ""
    zone: str = ""
    """IANA zone of times that are written without one; "" where the user must say."""
    edition: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    """Raise it to store rows again that were read wrongly before: they become new records beside the old ones."""
    input: Input = Input()
    numbers: Numbers = Numbers()
    detect: Detect = Detect()
    row: list[Variant] = []

    @property
    def digest(self) -> str:
        """SHA-256 over all that the mapping says, its first twelve characters."""
        return sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()[:12]

    @property
    def zone_info(self) -> ZoneInfo | None:
        """The zone of times without one, or ``None`` where the user must say."""
        return ZoneInfo(self.zone) if self.zone else None

    def with_zone(self, zone: str) -> "Mapping":
        """Return the mapping with its zone replaced; "" leaves it.

        Raises:
            BadMapping: there is no such zone.
        """
        return checked(msgspec.structs.replace(self, zone=zone)) if zone else self


def read(text: str, *, standing: Standing = Standing.OWN) -> Mapping:
    """Return the mapping that ``text`` (TOML) holds.

    Raises:
        BadMapping: it is no TOML, too long, or a member is unknown, missing or wrong.
    """
    if len(text) > MAPPING_OCTETS:
        raise BadMapping(f"a mapping has at most {MAPPING_OCTETS} characters")
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadMapping(f"the mapping is not TOML: {error}") from error
    return of_tables({"standing": standing.value, **tables})


def of_tables(tables: dict[str, Any]) -> Mapping:
    """Return the mapping that TOML or JSON tables say. Raises as ``read`` does."""
    try:
        return checked(msgspec.convert(tables, Mapping))
    except msgspec.ValidationError as error:
        raise BadMapping(f"mapping {tables.get('name', '')!r}: {error}; see docs/reference/cdr-formats.md") from error


TIMES: Final = ("call", "start", "answer", "end")


def checked(found: Mapping) -> Mapping:
    """Return ``found`` if its parts fit together.

    Raises:
        BadMapping: they do not.
    """
    from headwater.intake.cdr import values  # here: it reads the words of this module

    where = f"mapping {found.name}"
    if found.zone and found.zone not in available_timezones():
        raise BadMapping(f"{where}: zone {found.zone!r} is no IANA zone such as America/Chicago")
    if found.input.encoding not in ENCODINGS:
        raise BadMapping(f"{where}: encoding {found.input.encoding!r} is not one of {', '.join(ENCODINGS)}")
    if found.input.delimiter in '\r\n"' or not found.input.delimiter.isascii():
        raise BadMapping(f"{where}: the delimiter is one ASCII character, and neither a quote nor a line end")
    if not any(not variant.skip for variant in found.row):
        raise BadMapping(f"{where}: there is no [[row]] that is kept")
    for variant in found.row:
        _check_variant(variant, where, values.FORMS, values.FIELDS)
    return found


def _check_variant(variant: Variant, where: str, forms: Any, fields: Any) -> None:
    if not variant.skip and not {"call", "start"} & set(variant.times):
        raise BadMapping(f"{where}: a [[row]] needs times.start or times.call")
    for name, time in variant.times.items():
        if name not in TIMES:
            raise BadMapping(f"{where}: times.{name} is not one of {', '.join(TIMES)}")
        if (time.form is TimeForm.PATTERN) != bool(time.pattern):
            raise BadMapping(f"{where}: times.{name}: pattern goes with form = 'pattern'")
    for name, field in variant.fields.items():
        _check_field(name, field, where, forms, fields)
    for link in variant.links:
        if not _PLACE.search(link) or len(link) > 200:
            raise BadMapping(f"{where}: link {link!r} names no column; write kind:{{column}}")


def _check_field(name: str, field: Field, where: str, forms: Any, fields: Any) -> None:
    if name not in fields:
        raise BadMapping(f"{where}: fields.{name} is not one of {', '.join(sorted(fields))}")
    if field.form not in forms:
        raise BadMapping(f"{where}: fields.{name}: form {field.form!r} is not one of {', '.join(sorted(forms))}")
    if field.column == [] and not field.fixed:
        raise BadMapping(f"{where}: fields.{name} needs a column, or a fixed value")


def places(template: str) -> list[str]:
    """Return the columns that a link key names."""
    return _PLACE.findall(template)


@cache
def presets() -> dict[str, Mapping]:
    """Return the ready mappings by name."""
    folder = files(__package__).joinpath("presets")
    found = [
        of_tables(tomllib.loads(entry.read_text("utf-8"))) for entry in folder.iterdir() if entry.name.endswith(".toml")
    ]
    return {one.name: one for one in sorted(found, key=lambda one: one.name)}


def preset(name: str) -> Mapping:
    """Return the ready mapping ``name``.

    Raises:
        UnknownFormat: there is none; the message lists them.
    """
    found = presets().get(name)
    if found is None:
        raise UnknownFormat(f"There is no format {name[:48]!r}. The ready ones: {', '.join(presets())}.")
    return found


def load(path: Path) -> Mapping:
    """Read the mapping in a file.

    Raises:
        BadMapping: it cannot be read, or does not hold.
    """
    try:
        if path.stat().st_size > MAPPING_OCTETS:
            raise BadMapping(f"{path} is longer than a mapping can be")
        return read(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadMapping(f"{path} cannot be read: {error}") from error
