"""Gathers the calls of a package: the table of all members in the scope, and examples with their octets."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from headwater.calls.queries import CallQueries
from headwater.calls.records import CallRecord
from headwater.campaigns.merged import united
from headwater.campaigns.models import CampaignExemplar, CampaignMember
from headwater.evidence.disclosure import DisclosureClass, Rule
from headwater.evidence.material import Call, Counted, Withheld, instant
from headwater.evidence.recorded import Recorded, gather
from headwater.evidence.scope import BATCH, MOST_EXAMPLES, MOST_MEMBERS, Scope
from headwater.intake.recordings import Recordings
from headwater.numbering.numbers import E164, display, masked
from headwater.tracebacks.models import Traceback


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsInScope:
    """What the scope holds of calls."""

    rows: tuple[dict[str, Any], ...]
    counted: Counted
    by_campaign: Mapping[str, Counted]
    times: Mapping[str, tuple[datetime, ...]]
    """Campaign -> when each of its calls in the scope was placed, the newest first."""
    examples: tuple[uuid.UUID, ...]
    """Records to show in full, in the order of their calls."""
    withheld: tuple[Withheld, ...]


def members(scope: Scope) -> QuerySet[CampaignMember]:
    """Return the calls in the scope, in their order; ``legal_scoped_call`` says the same in SQL."""
    traced = Traceback.objects.filter(id__in=scope.opened.tracebacks).values("record_id")
    opened = Q(campaign_id__in=scope.opened.campaigns) | Q(calling__in=scope.opened.numbers) | Q(record_id__in=traced)
    found = CampaignMember.objects.filter(opened, call_at__gte=scope.start, call_at__lt=scope.end)
    return found.order_by("call_at", "record_id")


def _counted(rows: Iterable[CampaignMember]) -> Counted:
    """Return reports counted by where they rang, who sent them, and how many numbers they show."""
    states: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    callers = set[str]()
    for row in rows:
        states[row.called_state] += 1
        sources[row.source_id] += 1
        kinds[row.source_kind] += 1
        callers.add(row.calling)
    return Counted(
        calls=states.total(),
        callers=len(callers - {""}),
        states=dict(sorted(states.items(), key=lambda item: (-item[1], item[0]))),
        sources=dict(sorted(sources.items())),
        kinds=dict(sorted(kinds.items())),
    )


def survey(scope: Scope) -> CallsInScope:
    """Return the members in the scope and which of them are examples.

    Examples are every traced call, then the texts that the campaign was recognised by, then the newest calls.
    """
    inside = members(scope)
    columns = ("record_id", "call_at", "campaign_id", "calling", "called_state", "source_id", "source_kind")
    light = list(inside.only(*columns).iterator())
    by_campaign: dict[str, list[CampaignMember]] = defaultdict(list)
    for member in light:
        by_campaign[member.campaign_id].append(member)
    at = {member.record_id: member.call_at for member in light}
    examples = _examples(by_campaign, at)
    withheld = []
    if len(at) > MOST_MEMBERS:
        why = f"The table of calls shows the first {MOST_MEMBERS:,} in the scope; narrow the scope to see the others."
        withheld.append(Withheld(what="rows of the table of calls", count=len(at) - MOST_MEMBERS, why=why))
    if len(at) > len(examples):
        why = (
            f"A package carries at most {MOST_EXAMPLES:,} calls in full: all that were traced, those that the campaign "
            "was recognised by, then the newest. The others are in the table of calls."
        )
        withheld.append(Withheld(what="calls without transcript and octets", count=len(at) - len(examples), why=why))
    return CallsInScope(
        rows=tuple(_row(member, set(examples)) for member in inside[:MOST_MEMBERS]),
        counted=_counted(light),
        by_campaign={campaign: _counted(rows) for campaign, rows in sorted(by_campaign.items())},
        times={campaign: tuple(row.call_at for row in reversed(rows)) for campaign, rows in by_campaign.items()},
        examples=examples,
        withheld=tuple(withheld),
    )


def _examples(campaigns: Iterable[str], at: dict[uuid.UUID, datetime]) -> tuple[uuid.UUID, ...]:
    traced = Traceback.objects.filter(campaign_id__in=united(campaigns)).order_by("opened_at")
    kept = CampaignExemplar.objects.filter(campaign_id__in=campaigns).order_by("added")
    wanted = [*traced.values_list("record_id", flat=True), *kept.values_list("record_id", flat=True)]
    newest = sorted(at, key=lambda record: (at[record], record), reverse=True)
    chosen = list(dict.fromkeys(record for record in [*wanted, *newest] if record in at))[:MOST_EXAMPLES]
    return tuple(sorted(chosen, key=lambda record: (at[record], record)))


def _row(member: CampaignMember, examples: set[uuid.UUID]) -> dict[str, Any]:
    return {
        "record_id": str(member.record_id),
        "campaign": member.campaign_id,
        "call_at": instant(member.call_at),
        "joined_at": instant(member.joined_at),
        "source": member.source_id,
        "calling": display(E164(member.calling)),
        "called": member.called_masked,
        "called_area_state": member.called_state,
        "terminating_provider_spc": member.terminating_spc,
        "similarity": round(member.score, 4),
        "nearest_record_id": str(member.nearest_record_id or ""),
        "rule_version": member.rule_version,
        "in_full": "yes" if member.record_id in examples else "no",
    }


def fetch(
    store: CallQueries, kept: Recordings, scope: Scope, examples: Sequence[uuid.UUID]
) -> tuple[tuple[Call, ...], list[Withheld]]:
    """Return the examples as the call store and the folder of recordings hold them, and what of them is not shown.

    Raises:
        Unavailable: the call store does not answer.
    """
    records, raw = list[CallRecord](), dict[uuid.UUID, bytes]()
    for start in range(0, len(examples), BATCH):
        ids = list(examples[start : start + BATCH])
        if scope.called_numbers:
            raw |= store.raw(ids)
        held = {record.record_id: record for record in store.records(ids)}
        records += [held[one] for one in ids if one in held]
    recorded = gather(records, kept, opened=scope.called_numbers)
    found = [_call(record, raw.get(record.record_id), recorded, opened=scope.called_numbers) for record in records]
    withheld = list(recorded.withheld)
    if missing := len(examples) - len(found):
        why = "The call store no longer holds these records; campaign and tables still name them."
        withheld.append(Withheld(what="call records", count=missing, why=why, rule=Rule.GONE))
    closed = sum(call.raw is None for call in found)
    if closed:
        why = (
            "The octets are no longer in the call store; the hash that was taken when the call came in is stated."
            if scope.called_numbers
            else "The octets hold the called party's number, which the acceptance did not open. Their hash is stated."
        )
        what, of = "raw octets of call records", DisclosureClass.CALLED_NUMBER
        rule = Rule.GONE if scope.called_numbers else Rule.CALLED_NUMBERS
        withheld.append(Withheld(what=what, count=closed, why=why, of=of, rule=rule))
    return tuple(found), withheld


def _call(record: CallRecord, raw: bytes | None, recorded: Recorded, *, opened: bool) -> Call:
    record_id = str(record.record_id)
    fields: dict[str, Any] = {
        "record_id": record_id,
        "record_kind": record.record_kind.value,
        "source_kind": record.source_kind.value,
        "source": record.source_id,
        "source_event_id": record.event_id,
        "call_at": instant(record.call_at),
        "received_at": instant(record.received_at),
        "calling": display(record.calling),
        "calling_as_signalled": record.calling_raw,
        "called": display(record.called) if opened else masked(record.called),
        "duration_ms": record.duration_ms,
        "disposition": record.disposition,
        "call_id": record.call_id if opened else "",
        "attestation": record.attest,
        "origid": record.origid,
        "identity_token_sha256": record.identity_digest,
        "terminating_provider_spc": record.terminating_spc,
        "language": record.language,
        "labels": list(record.labels),
        "transcript": record.transcript,
        "recording_sha256": record.headers.get("audio_sha256", ""),
        "raw_sha256": record.raw_sha256.hex(),
        "credential": record.credential,
        "software": record.software,
    }
    return Call(
        record_id=record_id,
        fields=fields,
        transcript=record.transcript,
        raw=raw,
        raw_sha256=record.raw_sha256.hex(),
        recording=recorded.recordings.get(record_id),
        vcon=recorded.vcons[record_id],
    )
