"""The public list: every ended traceback as path data, signed, once a week. Who is named, how, and what is left out.

What may be public is the path of traced calls (``domain``: two disclosure classes). Left out are the two telephone
numbers, everything of a customer, the people who answered, and calls of tracebacks that run or ended lately: a list
must not warn those whose calls are to be stopped. A provider's flags come with the rule, the denominator and its
own disputes. Pure but for ``publish``.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit import actions as audit
from headwater.audit.tags import Tag
from headwater.conduct import measures, passages, rules
from headwater.conduct.kinds import PUBLIC_LIST
from headwater.conduct.models import Publication, RecordDispute
from headwater.conduct.rules import Flag
from headwater.conduct.states import DisputeState
from headwater.conduct.values import Passage, Share
from headwater.providers import statements
from headwater.tracebacks.models import Traceback
from headwater.tracebacks.states import OPEN_STATES, TracebackState
from headwater.wire.canonical import canonical_json

FORMAT: Final = "headwater-public-list/1"
#: A traceback is published this long after it ended.
HELD: Final = timedelta(days=14)
#: How far back one issue reaches.
REACH: Final = timedelta(days=180)
COLUMNS: Final = (
    "traceback", "opened_on", "ended_on", "call_on", "campaign", "outcome", "hop", "provider", "spc", "country",
    "role", "distance_from_end", "response", "answer", "disputed",
)  # fmt: skip
#: What a reader must know, in the document itself.
NOTES: Final = (
    "Traced calls are samples that were chosen for tracing: they do not measure a provider's traffic.",
    "A provider in the middle of many paths stands in many of them; compare within a role and a distance only.",
    "Carrying a traced call is no finding of fault. Each provider may dispute each row; disputes are marked.",
    (
        "Complete for all tracebacks that ended in the window and at least 14 days before this issue; cancelled ones "
        "are counted and not listed."
    ),
    "Telephone numbers, customers and the people who answered are not published.",
)


def iso_week(at: datetime) -> str:
    """Return the ISO week of a moment in UTC, such as ``2026-W47``."""
    year, week, _ = at.astimezone(UTC).isocalendar()
    return f"{year}-W{week:02}"


def document(now: datetime) -> dict[str, Any]:
    """Return what an issue of ``now`` says, as JSON values without floats."""
    since, until = now - REACH, now - HELD
    rows = Traceback.objects.filter(opened_at__gte=since, opened_at__lte=now)
    ended = {
        row.id: row
        for row in rows.exclude(state__in=[*OPEN_STATES, TracebackState.CANCELLED.value])
        if row.closed_at is not None and row.closed_at <= until
    }
    found = [one for one in passages.between(since, now) if one.traceback_id in ended]
    states = dict(RecordDispute.objects.order_by("opened_at").values_list("hop_id", "state"))
    groups: dict[str, list[Passage]] = {}
    for one in found:
        groups.setdefault(one.traceback_id, []).append(one)
    return {
        "format": FORMAT,
        "week": iso_week(now),
        "made_at": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "window": {"opened_from": _day(since), "ended_until": _day(until)},
        "rules": rules.VERSION,
        "notes": list(NOTES),
        "counts": {
            "opened_in_window": rows.count(),
            "cancelled": rows.filter(state=TracebackState.CANCELLED.value).count(),
            "published": len(ended),
            "held_back_or_open": rows.count() - rows.filter(state=TracebackState.CANCELLED.value).count() - len(ended),
        },
        "tracebacks": [_traceback(row, groups.get(row.id, []), states, now) for row in ended.values()],
        "providers": _providers(found, states, now),
    }


def _day(at: datetime | None) -> str:
    return at.astimezone(UTC).date().isoformat() if at else ""


def _traceback(row: Traceback, own: Sequence[Passage], states: Mapping[str, str], now: datetime) -> dict[str, Any]:
    return {
        "traceback": row.id,
        "opened_on": _day(row.opened_at),
        "ended_on": _day(row.closed_at),
        "call_on": _day(row.call_at),
        "campaign": own[0].campaign_name if own else "",
        "outcome": row.state,
        "grade": row.grade,
        "hops": [_hop(one, states, now) for one in sorted(own, key=lambda one: (not one.on_path, one.hop))],
    }


def _hop(one: Passage, states: Mapping[str, str], now: datetime) -> dict[str, Any]:
    return {
        "hop": one.hop,
        "on_path": one.on_path,
        "provider": one.provider.name,
        "spc": one.provider.spc,
        "country": one.provider.country,
        "role": one.role.value,
        "distance_from_end": one.distance,
        "response": one.response(now).value,
        "answer": one.answer,
        "disputed": states.get(one.question_id, ""),
    }


def _providers(found: Iterable[Passage], states: Mapping[str, str], now: datetime) -> list[dict[str, Any]]:
    everybody = list(found)
    aside = {question for question, state in states.items() if state == DisputeState.UPHELD.value}
    groups: dict[str, list[Passage]] = {}
    for one in everybody:
        groups.setdefault(one.provider.id, []).append(one)
    disputed = {question for question, state in states.items() if state == DisputeState.OPEN.value}
    since = min((one.asked_at for one in everybody), default=now)
    listed = []
    for own in sorted(groups.values(), key=lambda own: own[0].provider.spc):
        counted = [one for one in own if one.question_id not in aside]
        figures = measures.measure(counted, everybody, since=since, until=now, now=now)
        listed.append(
            {
                "provider": own[0].provider.name,
                "spc": own[0].provider.spc,
                "country": own[0].provider.country,
                "asked": figures.asked,
                "answered_in_time": _share(figures.in_time),
                "silent_or_declined": _share(figures.unanswered),
                "no_record": _share(figures.not_found),
                "by_role": [
                    {
                        "role": split.role.value,
                        "completed": split.completed,
                        "distance_from_end": split.distance,
                        "traced_calls": _share(split.of_all),
                        "campaigns": split.campaigns,
                    }
                    for split in figures.splits
                ],
                # From the listed calls alone: what is held back raises no flag here either.
                "flags": [_flag(flag) for flag in rules.assess(counted, now=now, disputed=disputed)],
                "set_aside_on_dispute": len(own) - len(counted),
                "open_disputes": sum(one.question_id in disputed for one in own),
            }
        )
    return listed


def _flag(flag: Flag) -> dict[str, Any]:
    return {
        "kind": flag.kind.value,
        "words": flag.kind.label,
        "statement": flag.statement,
        "of": flag.whole,
        "share": _share(flag.share),
        "disputed": flag.disputed,
        "rule": flag.version,
        "tracebacks": list(flag.traceback_ids),
    }


def _share(share: Share) -> dict[str, int]:
    """Return a share with its 95% interval, in millionths: canonical JSON holds no floats."""
    return {
        "part": share.part,
        "whole": share.whole,
        "low_ppm": round(share.low * 1_000_000),
        "high_ppm": round(share.high * 1_000_000),
    }


def table(issue: Mapping[str, Any]) -> bytes:
    """Return the traced calls of an issue as CSV, a row a provider and traced call; safe to open in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for one in issue["tracebacks"]:
        head = [one["traceback"], one["opened_on"], one["ended_on"], one["call_on"], one["campaign"], one["outcome"]]
        for hop in one["hops"]:
            distance = "" if hop["distance_from_end"] is None else hop["distance_from_end"]
            rest = [hop["hop"], hop["provider"], hop["spc"], hop["country"], hop["role"], distance]
            writer.writerow([_cell(value) for value in (*head, *rest, hop["response"], hop["answer"], hop["disputed"])])
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def publish(actor: Actor, *, now: datetime | None = None) -> str:
    """Make this week's issue and return its identifier; doing it again in the same week returns the one there is.

    Raises:
        Unavailable: the signing key is missing.
    """
    actor.require(Permission.CONDUCT_PUBLISH)
    now = now or clock.now()
    week = iso_week(now)
    with transaction.atomic():
        there = Publication.objects.filter(week=week).first()
        if there is not None:
            return there.id
        issue = document(now)
        octets = canonical_json(issue)
        signing = statements.key(settings.HEADWATER.secrets / statements.PUBLICATION_KEY)
        row, fresh = Publication.objects.get_or_create(
            week=week,
            defaults={
                "made_at": now,
                "made_by": actor.label,
                "document": octets,
                "document_sha256": sha256(octets).hexdigest(),
                "table": table(issue),
                "signature": statements.sign(octets, signing, kind=PUBLIC_LIST),
                "key_id": signing.thumbprint(),
                "public_jwk": statements.public_jwk(signing),
                "tracebacks": len(issue["tracebacks"]),
                "providers": len(issue["providers"]),
            },
        )
        if fresh:
            detail = {"week": week, "sha256": row.document_sha256, "tracebacks": row.tracebacks}
            audit.record(actor, Tag.CONDUCT_PUBLISHED, row.id, detail)
    return row.id
