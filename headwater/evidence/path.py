"""Gathers the tracebacks of a package: path table, answers as signed, the keys that verify them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
from django.db.models import Prefetch, Q
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

from headwater.evidence import dossiers
from headwater.evidence.disclosure import DisclosureClass, Rule
from headwater.evidence.material import SignedAnswer, Withheld, instant
from headwater.evidence.scope import Scope
from headwater.numbering.numbers import E164, display, masked, npa
from headwater.providers.models import AnswerChannel, ProviderKey
from headwater.tracebacks.models import Answer, Hop, Traceback
from headwater.tracebacks.states import Grade, HopRole, HopState, TracebackState

_ROLES, _HOP_STATES = dict(HopRole.choices()), dict(HopState.choices())
_STATES, _GRADES = dict(TracebackState.choices()), dict(Grade.choices())
#: Answers in which a free note may name the caller.
_MAY_NAME_CUSTOMER = {"ORIGINATED", "ORIGINATED_RESELLER", "LEGIT_CLAIM"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """What the scope holds of tracebacks."""

    tracebacks: tuple[dict[str, Any], ...]
    rows: tuple[dict[str, Any], ...]
    answers: tuple[SignedAnswer, ...]
    provider_keys: tuple[dict[str, Any], ...]
    question_ids: tuple[str, ...]
    notices: tuple[dict[str, Any], ...]
    dossiers: tuple[dict[str, Any], ...]
    withheld: tuple[Withheld, ...]


def gather(scope: Scope, now: datetime) -> Path:
    """Return the tracebacks of calls in the scope, in the order in which they were opened."""
    hops = Hop.objects.select_related("provider", "upstream", "viewing").order_by("index", "asked_at", "id")
    answers = Prefetch("answers", Answer.objects.order_by("version"))
    opened = scope.opened
    reached = Traceback.objects.filter(
        Q(campaign_id__in=opened.campaigns) | Q(id__in=opened.tracebacks) | Q(calling__in=opened.numbers)
    )
    found = list(
        reached.filter(call_at__gte=scope.start, call_at__lt=scope.end)
        .select_related("terminating_provider", "origin", "campaign")
        .prefetch_related(Prefetch("hops", hops.prefetch_related(answers, "flags")))
        .order_by("opened_at", "id")
    )
    rows, held = [], []
    for trace in found:
        for hop in trace.hops.all():
            rows.append(_row(trace, hop))
            held += [_answer(scope, trace, hop, answer) for answer in hop.answers.all()]
    notices = tuple(_notice(trace, hop) for trace in found for hop in trace.hops.all())
    key_ids = {answer.row["key_id"] for answer in held if answer.signed}
    outside = reached.count() - len(found)
    return Path(
        tracebacks=tuple(_traceback(scope, trace) for trace in found),
        rows=tuple(rows),
        answers=tuple(held),
        provider_keys=_keys(key_ids),
        question_ids=tuple(row["question_id"] for row in rows),
        notices=notices,
        dossiers=dossiers.gather(notices, rows, _flags(found), now),
        withheld=_withheld(scope, held, outside),
    )


def _withheld(scope: Scope, held: list[SignedAnswer], outside: int) -> tuple[Withheld, ...]:
    found = []
    if outside:
        why = "They trace calls of what was opened, outside the time that the process covers."
        found.append(Withheld(what="tracebacks", count=outside, why=why, rule=Rule.TIME))
    closed = sum(answer.octets is None for answer in held)
    if closed and not scope.called_numbers:
        why = "Signed answers hold the called party's number, which the acceptance did not open. Their hash is stated."
        of, rule = DisclosureClass.CALLED_NUMBER, Rule.CALLED_NUMBERS
        found.append(Withheld(what="octets of answers", count=closed, why=why, of=of, rule=rule))
    elif closed:
        why = "A free note in them may name a customer, and customer identity was not opened. Their hash is stated."
        of, rule = DisclosureClass.CUSTOMER_IDENTITY, Rule.CUSTOMER_IDENTITY
        found.append(Withheld(what="octets of answers", count=closed, why=why, of=of, rule=rule))
    return tuple(found)


def _in_force(hop: Hop) -> Answer | None:
    """Return the answer that the walk took: the newest version, once one was taken."""
    answers = list(hop.answers.all())
    return answers[-1] if answers and hop.answer_code else None


def _named(payload: dict[str, Any], hop: Hop) -> tuple[str, str]:
    """Return the upstream's name and code as the answer names it; the register's name where it has none."""
    upstream = payload.get("upstream") or {}
    name = upstream.get("name") or (hop.upstream.name if hop.upstream else "")
    return name, upstream.get("spc", "")


def _row(trace: Traceback, hop: Hop) -> dict[str, Any]:
    answer = _in_force(hop)
    name, spc = _named(answer.payload, hop) if answer else ("", "")
    took = round((hop.answered_at - hop.asked_at).total_seconds(), 3) if hop.answered_at else None
    return {
        "traceback_id": trace.id,
        "hop": hop.index,
        "provider": hop.provider.name,
        "provider_spc": hop.provider.spc,
        "provider_rmd": hop.provider.rmd_number,
        "country": hop.provider.country,
        "role": _ROLES[hop.role],
        "asked_at": instant(hop.asked_at),
        "answered_at": instant(hop.answered_at),
        "took_seconds": took,
        "legal_due_at": instant(hop.legal_due_at),
        "state": _HOP_STATES[hop.state] + (", asked again or left" if hop.withdrawn_at else ""),
        "answer": answer.code if answer else "",
        "upstream": name,
        "upstream_spc": spc,
        "basis": "; ".join(str(sentence) for sentence in hop.basis),
        "signed": _signed(answer) if answer else "",
        "answer_id": answer.id if answer else "",
        "question_id": hop.id,
    }


def _signed(answer: Answer) -> str:
    if answer.deposit:
        return "yes, as a deposited record" if answer.key_id else "no, nothing deposited agrees"
    return "yes" if answer.key_id else "no, answered by a person"


def _notice(trace: Traceback, hop: Hop) -> dict[str, Any]:
    """Return when and how one provider was told of one call, and what came of it."""
    viewing = getattr(hop, "viewing", None)
    due = hop.legal_due_at
    return {
        "notice_id": hop.id,
        "traceback_id": trace.id,
        "hop": hop.index,
        "provider": hop.provider.name,
        "provider_spc": hop.provider.spc,
        "campaign": hop.question.get("campaign", ""),
        "way": AnswerChannel(hop.provider.channel).label,
        "sent_at": instant(hop.asked_at),
        "seen_at": instant(viewing.at) if viewing else "",
        "seen_by": viewing.by if viewing else "",
        "legal_due_at": instant(due),
        "answered_at": instant(hop.answered_at),
        "answer": hop.answer_code,
        "in_time": ("yes" if hop.answered_at <= due else "no") if hop.answered_at else "",
    }


def _flags(found: list[Traceback]) -> list[dict[str, Any]]:
    """Return what the tracebacks say of providers' conduct, each with its question."""
    return [
        {
            "provider_spc": hop.provider.spc,
            "at": instant(flag.at),
            "kind": flag.kind,
            "detail": flag.detail,
            "traceback_id": trace.id,
            "question_id": hop.id,
        }
        for trace in found
        for hop in trace.hops.all()
        for flag in hop.flags.all()
    ]


def _answer(scope: Scope, trace: Traceback, hop: Hop, answer: Answer) -> SignedAnswer:
    free_note = bool(answer.payload.get("note")) and answer.code in _MAY_NAME_CUSTOMER
    opened = scope.called_numbers and (scope.customer_identity or not free_note)
    name, spc = _named(answer.payload, hop)
    ingress = answer.payload.get("ingress") or {}
    row = {
        "answer_id": answer.id,
        "version": answer.version,
        "traceback_id": trace.id,
        "hop": hop.index,
        "question_id": hop.id,
        "provider": hop.provider.name,
        "provider_spc": hop.provider.spc,
        "code": answer.code,
        "upstream": name,
        "upstream_spc": spc,
        "key_id": answer.key_id,
        "deposit": answer.deposit,
        "answered_by": answer.answered_by,
        "received_at": instant(answer.received_at),
        "octets_sha256": answer.octets_sha256,
        "ingress_at": ingress.get("call_at", ""),
        "ingress_trunk": ingress.get("trunk", ""),
        "ingress_from": ingress.get("source_ip", ""),
        "attestation_received": ingress.get("attest", ""),
    }
    return SignedAnswer(row=row, octets=bytes(answer.octets) if opened else None)


def _traceback(scope: Scope, trace: Traceback) -> dict[str, Any]:
    called = E164(trace.called)
    local_at, zone = _local(called, trace.call_at)
    return {
        "traceback_id": trace.id,
        "record_id": str(trace.record_id),
        "campaign": trace.campaign_id or "",
        "campaign_name": trace.campaign.name if trace.campaign else "",
        "call_at": instant(trace.call_at),
        "call_at_local": local_at,
        "local_zone": zone,
        "calling": display(E164(trace.calling)),
        "called": display(called) if scope.called_numbers else masked(called),
        "called_masked": masked(called),
        "terminating_provider": trace.terminating_provider.name,
        "terminating_provider_spc": trace.terminating_provider.spc,
        "state": _STATES[trace.state],
        "open": trace.closed_at is None,
        "grade": trace.grade,
        "grade_words": _GRADES[trace.grade],
        "outcome": trace.outcome,
        "origin": trace.origin.name if trace.origin else "",
        "origin_spc": trace.origin.spc if trace.origin else "",
        "opened_by": trace.opened_by,
        "opened_at": instant(trace.opened_at),
        "closed_at": instant(trace.closed_at),
        "engine_version": trace.engine_version,
        "flags": [
            {"question_id": hop.id, "provider": hop.provider.name, "kind": flag.kind, "detail": flag.detail}
            for hop in trace.hops.all()
            for flag in hop.flags.all()
        ],
    }


def _local(called: E164, at: datetime) -> tuple[str, str]:
    """Return a call's time on the clock of the called number's area, and that zone; "" where it has none or several.

    By the area code alone: more digits would say more of a number that is masked.
    """
    area = npa(called)
    if not area:
        return "", ""
    zones = time_zones_for_number(phonenumbers.parse(f"+1{area}5550100"))
    if len(zones) != 1 or zones[0] == UNKNOWN_TIMEZONE:
        return "", ", ".join(zone for zone in zones if zone != UNKNOWN_TIMEZONE)
    return at.astimezone(ZoneInfo(zones[0])).isoformat(timespec="milliseconds"), zones[0]


def _keys(key_ids: set[str]) -> tuple[dict[str, Any], ...]:
    """Return the public keys behind the answers, each as its provider registered it."""
    rows = ProviderKey.objects.filter(id__in=key_ids).select_related("provider").order_by("id")
    return tuple(
        {
            "key_id": row.id,
            "provider": row.provider.name,
            "provider_spc": row.provider.spc,
            "jwk": row.public_jwk,
            "valid_from": instant(row.valid_from),
            "revoked_at": instant(row.revoked_at),
        }
        for row in rows
    )
