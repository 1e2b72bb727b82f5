"""What an accepted process opens, live, to the people named on it: calls, tracebacks with their hops, figures.

Who may look is decided by ``Scope.is_open_to``; what, by the views of the database, and once more for every row by
``Scope.allows``. Every look is audited with what was seen, in the same transaction.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from headwater.accounts.actors import Actor
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.campaigns.models import CampaignExemplar
from headwater.campaigns.rules import RATE_CALLS, Liveness, liveness, rate_window
from headwater.errors import HeadwaterError, NotFound
from headwater.legal.queries import open_scope
from headwater.legal.rules import Disclosure, Matter, Scope

#: Calls that one page shows.
PAGE: Final = 100
#: Tracebacks that one look shows.
MOST_TRACEBACKS: Final = 200
#: The curve of the last day: steps of half an hour.
CURVE_STEPS: Final = 48
CURVE_STEP: Final = timedelta(minutes=30)


class OutsideScope(HeadwaterError):
    """A row was about to be handed out that lies outside the scope. None was; the views are not what they must be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopedCall:
    """One call in the scope."""

    record_id: UUID
    campaign_id: str
    call_at: datetime
    calling: str
    called_masked: str
    called_state: str
    terminating_spc: str
    transcript: str = ""
    """Of those that the campaign is recognised by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopedHop:
    """One provider on the path of a traced call."""

    place: int
    kind: str
    provider: str
    spc: str
    country: str
    role: str
    state: str
    asked_at: datetime
    answered_at: datetime | None
    legal_due_at: datetime
    answer_code: str
    upstream: str
    note: str
    """The provider's own words, where the acceptance opened customer identity; else ""."""
    note_withheld: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopedTraceback:
    """One traceback in the scope."""

    id: str
    campaign_id: str
    call_at: datetime
    calling: str
    called: str
    """In full where the acceptance opened called numbers; else ""."""
    called_masked: str
    state: str
    grade: str
    outcome: str
    opened_at: datetime
    closed_at: datetime | None
    origin: str
    hops: tuple[ScopedHop, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopedForward:
    """One call-back number that was traced forward, in the scope: who serves it, and never whose it is."""

    id: str
    campaign_id: str
    number: str
    state: str
    grade: str
    outcome: str
    opened_at: datetime
    closed_at: datetime | None
    server: str
    """Set with the grade *serving provider confirmed*; else ""."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What a process opens, as it stands now."""

    scope: Scope
    at: datetime
    calls: int
    """Calls in the scope until now."""
    liveness: Liveness | None
    """Whether calls of the scope still ring; None while it holds none."""
    curve: tuple[int, ...]
    """Calls in each half hour of the last day, oldest first."""
    states: tuple[tuple[str, int], ...]
    newest: tuple[ScopedCall, ...]
    tracebacks: tuple[ScopedTraceback, ...]
    forwards: tuple[ScopedForward, ...]


class CallPage(NamedTuple):
    """One page of calls and how many pages there are."""

    rows: tuple[ScopedCall, ...]
    page: int
    pages: int
    total: int


def live(actor: Actor, process_id: str, *, now: datetime) -> Live:
    """Return what a process opens now; the look is audited.

    Raises:
        NotFound: it opens nothing to the actor now: ``queries.open_scope``.
    """
    with transaction.atomic():
        scope = open_scope(actor, process_id, now=now)
        newest, total = _calls(scope, limit=10, offset=0)
        traced, numbers = _tracebacks(scope), _forwards(scope)
        found = Live(
            scope=scope,
            at=now,
            calls=total,
            liveness=_liveness(scope, now) if total else None,
            curve=_curve(scope, now),
            states=_states(scope),
            newest=newest,
            tracebacks=traced,
            forwards=numbers,
        )
        seen = {**_seen(newest, traced), "forwards": [one.id for one in numbers], "what": "live"}
        record(actor, Tag.PROCESS_SCOPE_VIEWED, scope.process, seen)
    return found


def ringing(actor: Actor, process_id: str, *, now: datetime) -> tuple[Liveness | None, int]:
    """Return whether calls of the scope still ring, and how many there are: what the open page asks for again.

    Raises:
        NotFound: as for ``live``.
    """
    with transaction.atomic():
        scope = open_scope(actor, process_id, now=now)
        _, total = _calls(scope, limit=0, offset=0)
        record(actor, Tag.PROCESS_SCOPE_VIEWED, scope.process, {"what": "figures", "calls": total})
        return (_liveness(scope, now) if total else None), total


def calls(actor: Actor, process_id: str, *, now: datetime, page: int = 1) -> CallPage:
    """Return one page of the calls in the scope, newest first; the look is audited with each that was seen.

    Raises:
        NotFound: as for ``live``.
    """
    with transaction.atomic():
        scope = open_scope(actor, process_id, now=now)
        _, total = _calls(scope, limit=0, offset=0)
        pages = max(1, -(-total // PAGE))
        page = min(max(page, 1), pages)
        rows, _ = _calls(scope, limit=PAGE, offset=(page - 1) * PAGE)
        record(actor, Tag.PROCESS_SCOPE_VIEWED, scope.process, {**_seen(rows, ()), "what": "calls", "page": page})
    return CallPage(rows=rows, page=page, pages=pages, total=total)


def traceback(actor: Actor, process_id: str, traceback_id: str, *, now: datetime) -> ScopedTraceback:
    """Return one traceback in the scope with its hops; the look is audited.

    Raises:
        NotFound: as for ``live``, or there is none such in the scope.
    """
    with transaction.atomic():
        scope = open_scope(actor, process_id, now=now)
        found = _tracebacks(scope, only=traceback_id)
        if not found:
            raise NotFound(f"Process {scope.process} opens no traceback {traceback_id[:20]}.")
        record(actor, Tag.PROCESS_SCOPE_VIEWED, scope.process, {**_seen((), found), "what": "traceback"})
    return found[0]


def _seen(rows: Sequence[ScopedCall], traced: Iterable[ScopedTraceback]) -> dict[str, Any]:
    return {"calls": [str(row.record_id) for row in rows], "tracebacks": [one.id for one in traced][:MOST_TRACEBACKS]}


def _calls(scope: Scope, *, limit: int, offset: int) -> tuple[tuple[ScopedCall, ...], int]:
    total = _query("SELECT count(*) AS n FROM legal_scoped_call WHERE process_id = %s", [scope.process])[0]["n"]
    if not limit:
        return (), total
    rows = _query(
        """
        SELECT record_id, campaign_id, call_at, calling, called_masked, called_state, terminating_spc, traceback_ids
        FROM legal_scoped_call
        WHERE process_id = %s
        ORDER BY call_at DESC, record_id
        LIMIT %s OFFSET %s
        """,
        [scope.process, limit, offset],
    )
    texts = dict(
        CampaignExemplar.objects.filter(record_id__in=[row["record_id"] for row in rows]).values_list(
            "record_id", "text"
        )
    )
    for row in rows:
        _hold(scope, _matter(row, next(iter(row.pop("traceback_ids")), "")))
    return tuple(ScopedCall(**row, transcript=texts.get(row["record_id"], "")) for row in rows), total


def _tracebacks(scope: Scope, *, only: str = "") -> tuple[ScopedTraceback, ...]:
    rows = _query(
        """
        SELECT traceback_id, campaign_id, call_at, calling, called, called_masked, state, grade, outcome, opened_at,
               closed_at, origin_name
        FROM legal_scoped_traceback
        WHERE process_id = %s AND (%s = '' OR traceback_id = %s)
        ORDER BY call_at DESC, traceback_id
        LIMIT %s
        """,
        [scope.process, only, only, MOST_TRACEBACKS],
    )
    hops = _hops(scope, [row["traceback_id"] for row in rows])
    found = []
    for row in rows:
        identifier, origin = row.pop("traceback_id"), row.pop("origin_name") or ""
        _hold(scope, _matter(row, identifier))
        if row["called"] and not scope.reaches(Disclosure.CALLED_NUMBERS):
            raise OutsideScope(f"process {scope.process} does not open the called number of {identifier}")
        row["campaign_id"] = row["campaign_id"] or ""
        found.append(ScopedTraceback(id=identifier, origin=origin, hops=tuple(hops.get(identifier, ())), **row))
    return tuple(found)


def _forwards(scope: Scope) -> tuple[ScopedForward, ...]:
    rows = _query(
        """
        SELECT forward_id AS id, COALESCE(campaign_id, '') AS campaign_id, number, state, grade, outcome, opened_at,
               closed_at, COALESCE(server_name, '') AS server
        FROM legal_scoped_forward
        WHERE process_id = %s
        ORDER BY opened_at DESC, forward_id
        LIMIT %s
        """,
        [scope.process, MOST_TRACEBACKS],
    )
    for row in rows:
        _hold(scope, Matter(call_at=row["opened_at"], campaign=row["campaign_id"], calling=row["number"]))
    return tuple(ScopedForward(**row) for row in rows)


def _hops(scope: Scope, ids: Sequence[str]) -> dict[str, list[ScopedHop]]:
    rows = _query(
        """
        SELECT traceback_id, place, kind, provider, spc, country, role, state, asked_at, answered_at, legal_due_at,
               answer_code, upstream, note, has_note
        FROM legal_scoped_hop
        WHERE process_id = %s AND traceback_id = ANY(%s)
        ORDER BY traceback_id, place, asked_at, hop_id
        """,
        [scope.process, list(ids)],
    )
    found: dict[str, list[ScopedHop]] = {}
    for row in rows:
        if row["note"] and not scope.reaches(Disclosure.CUSTOMER_IDENTITY):
            raise OutsideScope(f"process {scope.process} does not open the words of {row['provider']}")
        written = row.pop("has_note")
        found.setdefault(row.pop("traceback_id"), []).append(
            ScopedHop(**row, note_withheld=written and not row["note"])
        )
    return found


def _matter(row: dict[str, Any], traceback_id: str) -> Matter:
    return Matter(
        call_at=row["call_at"],
        campaign=row["campaign_id"] or "",
        traceback=traceback_id,
        calling=row["calling"],
    )


def _hold(scope: Scope, matter: Matter) -> None:
    """Refuse a row that the rules do not allow: the views must never say more than they."""
    if not scope.allows(matter):
        raise OutsideScope(f"a row of {matter.call_at:%Y-%m-%d %H:%M} UTC is outside the scope of {scope.process}")


def _liveness(scope: Scope, now: datetime) -> Liveness:
    """Return whether calls of the scope still ring: the rule of campaigns on the calls of the scope alone."""
    rows = _query(
        "SELECT call_at FROM legal_scoped_call WHERE process_id = %s AND call_at <= %s ORDER BY call_at DESC LIMIT %s",
        [scope.process, now, RATE_CALLS],
    )
    first = _query("SELECT min(call_at) AS at FROM legal_scoped_call WHERE process_id = %s", [scope.process])[0]["at"]
    window = rate_window(first, now)
    return liveness(
        [row["call_at"] for row in rows] or [first],
        first_call_at=first,
        in_last_minute=_since(scope, now - timedelta(minutes=1), now),
        in_window=_since(scope, now - window, now),
        now=now,
    )


def _since(scope: Scope, since: datetime, now: datetime) -> int:
    sql = "SELECT count(*) AS n FROM legal_scoped_call WHERE process_id = %s AND call_at > %s AND call_at <= %s"
    return int(_query(sql, [scope.process, since, now])[0]["n"])


def _curve(scope: Scope, now: datetime) -> tuple[int, ...]:
    start = now - CURVE_STEPS * CURVE_STEP
    rows = _query(
        "SELECT call_at FROM legal_scoped_call WHERE process_id = %s AND call_at > %s AND call_at <= %s",
        [scope.process, start, now],
    )
    counts = Counter(min(CURVE_STEPS - 1, int((row["call_at"] - start) / CURVE_STEP)) for row in rows)
    return tuple(counts[step] for step in range(CURVE_STEPS))


def _states(scope: Scope) -> tuple[tuple[str, int], ...]:
    rows = _query(
        """
        SELECT called_state, count(*) AS n FROM legal_scoped_call
        WHERE process_id = %s AND called_state <> ''
        GROUP BY called_state ORDER BY n DESC, called_state
        """,
        [scope.process],
    )
    return tuple((row["called_state"], row["n"]) for row in rows)


def _query(sql: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
