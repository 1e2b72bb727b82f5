"""What the consortium reports to the FCC: participants and refusers of a year, traced calls of a quarter.

TRACED Act section 13: each year the consortium and the Commission tell which providers took part in private-led
tracebacks, which refused, and the reasons that they gave; each quarter the calls that were traced. The column
headings of the FCC's own lists are not public; these are ours, and each report says so.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.conduct import passages, rules
from headwater.conduct.models import RecordDispute
from headwater.conduct.states import DisputeState, Response
from headwater.conduct.values import Passage
from headwater.errors import Invalid
from headwater.tracebacks.models import Answer, Traceback
from headwater.wire.agents import AnswerCode

ANNUAL: Final = "annual"
QUARTERLY: Final = "quarterly"
KINDS: Final = (ANNUAL, QUARTERLY)
CSV, JSON, PDF = "csv", "json", "pdf"
FORMS: Final = {CSV: "text/csv", JSON: "application/json", PDF: "application/pdf"}
_FIRST_YEAR: Final = 2019


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report: a title, what must be known to read it, a table."""

    kind: str
    title: str
    since: datetime
    until: datetime
    """The first instant after the period."""
    made_at: datetime
    notes: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def name(self) -> str:
        """Name of its file, without the form."""
        return f"headwater-{self.kind}-{self.since:%Y-%m-%d}"


def period(kind: str, year: int, quarter: int = 0) -> tuple[datetime, datetime]:
    """Return begin and end (exclusive) of a report's period in UTC.

    Raises:
        Invalid: there is no such period.
    """
    this_year = clock.now().year
    if not _FIRST_YEAR <= year <= this_year:
        raise Invalid(f"A report is made of a year from {_FIRST_YEAR} to {this_year}, not of {year}.")
    if kind == ANNUAL:
        return datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    if kind != QUARTERLY or quarter not in {1, 2, 3, 4}:
        raise Invalid("A quarterly report names its quarter, 1 to 4; the kinds are annual and quarterly.")
    first = 3 * quarter - 2
    until = datetime(year + quarter // 4, (first + 3) % 12 or 12, 1, tzinfo=UTC)
    return datetime(year, first, 1, tzinfo=UTC), until


def make(actor: Actor, kind: str, year: int, quarter: int = 0, *, now: datetime | None = None) -> Report:
    """Return one report; making it is audited.

    Raises:
        Invalid: there is no such period.
        Forbidden: the actor may not read conduct.
    """
    actor.require(Permission.CONDUCT_READ)
    now = now or clock.now()
    since, until = period(kind, year, quarter)
    aside = set(RecordDispute.objects.filter(state=DisputeState.UPHELD.value).values_list("hop_id", flat=True))
    last = until - timedelta(microseconds=1)
    found = [one for one in passages.between(since, last) if one.question_id not in aside]
    made = _annual(found, since, until, now) if kind == ANNUAL else _quarterly(found, since, until, now)
    with transaction.atomic():
        audit.record(actor, Tag.CONDUCT_REPORTED, made.name, {"rows": len(made.rows), "kind": kind})
    return made


_OWN = "The column headings are Headwater's own."


def _annual(found: Sequence[Passage], since: datetime, until: datetime, now: datetime) -> Report:
    reasons = _reasons(found)
    groups: dict[str, list[Passage]] = {}
    for one in found:
        groups.setdefault(one.provider.id, []).append(one)
    rows = [_participant(own, reasons, now) for own in groups.values()]
    return Report(
        kind=ANNUAL,
        title=f"Private-led tracebacks {since.year}: participation of voice service providers",
        since=since,
        until=until,
        made_at=now,
        notes=(
            "TRACED Act section 13: providers that took part, that refused, and the reasons that they stated.",
            f"A question counts when it was due or answered. Rules {rules.VERSION}. {_OWN}",
            "Rows that an upheld dispute set aside are left out.",
        ),
        columns=(
            "provider",
            "spc",
            "country",
            "standing",
            "asked",
            "due_or_answered",
            "answered_in_time",
            "answered_late",
            "declined",
            "silent",
            "no_record",
            "reasons_stated",
        ),
        rows=tuple(sorted(rows)),
    )


def _participant(own: Sequence[Passage], reasons: dict[str, str], now: datetime) -> tuple[str, ...]:
    given = {kind: sum(one.response(now) is kind for one in own) for kind in Response}
    due = sum(one.counts(now) for one in own)
    refused = given[Response.DECLINED] + given[Response.SILENT]
    answered = given[Response.IN_TIME] + given[Response.LATE]
    standing = (
        "not yet due" if not due else "refused" if not answered else "took part in part" if refused else "took part"
    )
    stated = dict.fromkeys(reasons[one.question_id] for one in own if one.question_id in reasons)
    first = own[0].provider
    figures = (len(own), due, given[Response.IN_TIME], given[Response.LATE], given[Response.DECLINED])
    missing = sum(one.without_record for one in own)
    return (
        first.name, first.spc, first.country, standing, *map(str, figures), str(given[Response.SILENT]), str(missing),
        " | ".join(stated),
    )  # fmt: skip


def _reasons(found: Sequence[Passage]) -> dict[str, str]:
    """Return the reason that each refusal stated, by question."""
    declined = [one.question_id for one in found if one.answer == AnswerCode.DECLINED]
    rows = Answer.objects.filter(hop_id__in=declined, code=AnswerCode.DECLINED.value).order_by("version")
    return {hop_id: str(payload.get("note", "")) for hop_id, payload in rows.values_list("hop_id", "payload")}


def _quarterly(found: Sequence[Passage], since: datetime, until: datetime, now: datetime) -> Report:
    calls = dict(Traceback.objects.filter(opened_at__gte=since, opened_at__lt=until).values_list("id", "call_at"))
    rows = [
        (
            one.traceback_id,
            f"{calls[one.traceback_id]:%Y-%m-%d}" if one.traceback_id in calls else "",
            one.campaign_name,
            one.state.value,
            str(one.hop),
            one.provider.name,
            one.provider.spc,
            one.provider.country,
            one.role.value,
            "" if one.distance is None else str(one.distance),
            one.response(now).value,
            one.answer,
        )
        for one in sorted(found, key=lambda one: (one.traceback_id, not one.on_path, one.hop))
    ]
    return Report(
        kind=QUARTERLY,
        title=f"Traced calls opened from {since:%B %Y} to {until - timedelta(days=1):%B %Y}",
        since=since,
        until=until,
        made_at=now,
        notes=(
            "Every traced call of the period but cancelled ones, a row for each provider that was asked.",
            f"Distance: hops from the origin or point of entry, where the path reached it. {_OWN}",
            "Telephone numbers and customers are not part of the list.",
        ),
        columns=(
            "traceback",
            "call_on",
            "campaign",
            "state",
            "hop",
            "provider",
            "spc",
            "country",
            "role",
            "distance_from_end",
            "response",
            "answer",
        ),
        rows=tuple(rows),
    )


def written(report: Report, form: str) -> bytes:
    """Return a report as CSV, JSON or PDF.

    Raises:
        Invalid: there is no such form.
    """
    if form == CSV:
        return _csv(report)
    if form == JSON:
        return _json(report)
    if form == PDF:
        from headwater.conduct.paper import pdf  # the PDF writer is large and this is its only use

        return pdf(report)
    raise Invalid(f"A report is written as {', '.join(FORMS)}, not as {form!r}.")


def _csv(report: Report) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(report.columns)
    for row in report.rows:
        # No spreadsheet may take a name for a formula.
        writer.writerow([f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value for value in row])
    return out.getvalue().encode()


def _json(report: Report) -> bytes:
    body: dict[str, Any] = {
        "title": report.title,
        "from": report.since.isoformat(),
        "until": report.until.isoformat(),
        "made_at": report.made_at.isoformat(),
        "notes": report.notes,
        "rows": [dict(zip(report.columns, row, strict=True)) for row in report.rows],
    }
    return msgspec.json.format(msgspec.json.encode(body), indent=1)
