"""How long what a source sent is kept: the operator's rules, and what is held beyond them. Pure.

A rule for a source goes before one for a class of record, and that before the default, each member by itself. 0 days
keeps for ever, and so does a file that is not there: what nobody decided is not deleted, but for rejected input.
"""

import re
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from headwater.calls.records import RecordKind
from headwater.errors import Invalid

#: Days for which input that no door could take is kept where the operator says nothing.
REJECTS_DAYS: Final = 90
LONGEST_DAYS: Final = 36_500
#: What a rule may be about: the record, its octets as received, rejected input.
MEMBERS: Final = ("rows_days", "raw_days", "rejects_days")
_OF_A_CLASS: Final = ("rows_days", "raw_days")
_SOURCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Calls of one source from ``start`` up to and without ``end``."""

    source_id: str
    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        source_name(self.source_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Everything that stands under a legal hold."""

    record_ids: frozenset[UUID] = frozenset()
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The operator's rules. Days count from receipt."""

    default: dict[str, int] = field(default_factory=lambda: {"rejects_days": REJECTS_DAYS})
    classes: dict[str, dict[str, int]] = field(default_factory=dict)
    sources: dict[str, dict[str, int]] = field(default_factory=dict)

    def expired(self, member: str, now: datetime, *, kind: RecordKind | None = None) -> str:
        """Return the SQL condition on rows whose time is over for one of ``MEMBERS``, "" where none can be.

        ``kind`` is given where all rows of the table are of that class.
        """
        rules = [(f"source_id = '{source}'", days[member]) for source, days in self.sources.items() if member in days]
        default = self.default.get(member, 0)
        if kind is not None:
            default = self.classes.get(kind, {}).get(member, default)
        elif member in _OF_A_CLASS:
            rules += [(f"record_kind = '{one}'", days[member]) for one, days in self.classes.items() if member in days]
        if not any(days for _, days in [*rules, ("", default)]):
            return ""
        if not rules:
            return f"received_at < {_before(default, now)}"
        chosen = ", ".join(f"{condition}, {_before(days, now)}" for condition, days in rules)
        return f"received_at < multiIf({chosen}, {_before(default, now)})"


def read(text: str) -> Policy:
    """Return the rules in a TOML text.

    Raises:
        Invalid: it is no TOML, or holds a name or a value that is none of ours; the message names it.
    """
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Invalid(f"the retention file is not TOML: {error}") from error
    if unknown := set(found) - {"default", "class", "source"}:
        raise Invalid(f"the retention file holds {min(unknown)!r}; it takes [default], [class.X], [source.X]")
    classes = {kind: _days(f"class.{kind}", days, _OF_A_CLASS) for kind, days in _table(found, "class").items()}
    for kind in classes:
        if kind not in [member.value for member in RecordKind]:
            raise Invalid(f"the retention file names class {kind!r}; there are {', '.join(RecordKind)}")
    sources = {
        source_name(name): _days(f"source.{name}", days, MEMBERS) for name, days in _table(found, "source").items()
    }
    default = {"rejects_days": REJECTS_DAYS} | _days("default", _table(found, "default"), MEMBERS)
    return Policy(default=default, classes=classes, sources=sources)


def source_name(name: str) -> str:
    """Return ``name`` if it may name a source in a statement.

    Raises:
        Invalid: it may not.
    """
    if not _SOURCE.fullmatch(name):
        raise Invalid(f"{name!r} cannot name a source: use letters, digits, '.', '_' and '-', at most 64")
    return name


def moment(at: datetime) -> str:
    """Return a time as SQL writes it."""
    return f"toDateTime64('{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}', 6, 'UTC')"


def not_in_spans(held: Held, column: str) -> str:
    """Return the SQL condition on rows that no hold of a source and time covers, by the time in ``column``."""
    return "".join(
        f" AND NOT (source_id = '{one.source_id}' AND {column} >= {moment(one.start)} AND {column} < {moment(one.end)})"
        for one in held.spans
    )


def _before(days: int, now: datetime) -> str:
    return moment(now - timedelta(days=days) if days else _NEVER)


def _table(found: dict[str, Any], name: str) -> dict[str, Any]:
    table = found.get(name, {})
    if not isinstance(table, dict):
        raise Invalid(f"the retention file's {name} is no table; write [{name}]")
    return table


def _days(where: str, table: Any, members: tuple[str, ...]) -> dict[str, int]:
    if not isinstance(table, dict):
        raise Invalid(f"the retention file's {where} is no table")
    for name, days in table.items():
        if name not in members:
            raise Invalid(f"the retention file's [{where}] holds {name!r}; it takes {', '.join(members)}")
        if type(days) is not int or not 0 <= days <= LONGEST_DAYS:
            raise Invalid(f"the retention file's {where}.{name} is {days!r}; it is a number of days, 0 for ever")
    return dict(table)
