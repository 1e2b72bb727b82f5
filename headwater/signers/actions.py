"""What is done about signers: calls judged, certificates brought, hosts allowed or refused.

A person's acts are audited. Judging is nobody's act: each verdict is a row with the version of the software that made
it, and what is judged again is a new version beside the old.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.calls.records import CallRecord, RecordKind
from headwater.errors import Invalid
from headwater.numbering.numbers import E164, canonical
from headwater.numbering.plan import Standing
from headwater.providers.models import Provider, RegistryEntry
from headwater.providers.registries.entries import Registry
from headwater.signers import archive, rules
from headwater.signers.models import Address, Certificate, Host, Signature, SignerHour, VerifierCheckpoint
from headwater.signers.rules import Signed
from headwater.signers.values import Flag, HostState
from headwater.stir.certificates import CertificateError, parse_certificate, parse_pem_chain
from headwater.stir.reasons import Finding, Outcome, Reason
from headwater.stir.revocation import RevocationList
from headwater.stir.verdict import CallVerdict, TokenVerdict
from headwater.stir.verify import Call, Verifier
from headwater.stir.x5u import x5u_fault

#: Reasons that a later certificate or a person's decision can mend: such calls are judged again.
MENDABLE = (Reason.X5U_REFUSED.value, Reason.CERTIFICATE_UNAVAILABLE.value)
#: How long back calls are judged again.
AGAIN_WITHIN = timedelta(days=7)
#: A certificate that an allowed host did not hand out is asked for again, so often and so long.
RETRY_AFTER, RETRY_WITHIN, MOST_VERSIONS = timedelta(minutes=10), timedelta(hours=24), 8
LARGEST_PEM = 256 * 1024
MAX_REASON = 400
_ATTESTED_WITHIN = timedelta(days=1)
_SOFTWARE = f"headwater {version('headwater')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One signed call to be judged: its record and the Identity headers in its octets."""

    record: CallRecord
    identities: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """What judging needs: the verifier, and what the registries say of a number."""

    verifier: Verifier
    standing: Callable[[E164, datetime], Standing] | None = None


def judge(judge_: Judge, seen: Sequence[Seen], *, read_to: datetime) -> int:
    """Judge signed calls as of their receipt and keep the verdicts; return how many are new.

    The verdicts and how far was read stand in one transaction: a verifier that is killed misses and doubles nothing.
    """
    judged = [_judged(judge_.verifier, one) for one in seen]
    with transaction.atomic():
        checkpoint, _ = VerifierCheckpoint.objects.select_for_update().get_or_create(
            id=1, defaults={"received_at": read_to}
        )
        ids = [one.record.record_id for one in seen]
        known = set(Signature.objects.filter(record_id__in=ids, current=True).values_list("record_id", flat=True))
        fresh = _rows(judge_, [one for one in judged if one.seen.record.record_id not in known])
        Signature.objects.bulk_create(fresh)
        _count(fresh, 1)
        checkpoint.received_at = max(checkpoint.received_at, read_to)
        checkpoint.judged = F("judged") + len(fresh)
        checkpoint.save()
    return len(fresh)


def read_to() -> datetime | None:
    """Return how far the verifier has read the call store; None before its first round."""
    return VerifierCheckpoint.objects.filter(id=1).values_list("received_at", flat=True).first()


def to_judge_again(now: datetime, *, trusted_since: datetime, limit: int) -> list[tuple[UUID, str]]:
    """Return record and token of calls that may be judged otherwise by now.

    Their certificate can be had since: its host is allowed, or it was brought; or the trust lists are others
    ``trusted_since`` then.
    """
    recent = Signature.objects.filter(current=True, seen_at__gt=now - AGAIN_WITHIN).order_by("seen_at")
    untrusted = recent.filter(reason=Reason.CERTIFICATE_UNTRUSTED, judged_at__lt=trusted_since)
    found = list(untrusted.values_list("record_id", "digest")[:limit])
    waiting = recent.filter(reason__in=MENDABLE)
    allowed = Host.objects.filter(state=HostState.ALLOWED, decided_at__isnull=False)
    due = [
        Q(host=host, judged_at__lt=decided) for host, decided in allowed.values_list("host", "decided_at") if decided
    ]
    # A server that was away: asked again now and then while the call is of today.
    away = Q(reason=Reason.CERTIFICATE_UNAVAILABLE, judged_at__lt=now - RETRY_AFTER, version__lt=MOST_VERSIONS)
    due.append(away & Q(seen_at__gt=now - RETRY_WITHIN, host__in=allowed.values("host")))
    brought = Address.objects.exclude(came_by="fetched").values_list("x5u", "first_had_at")
    due += [Q(x5u=x5u, judged_at__lt=at) for x5u, at in brought.order_by("-first_had_at")[:500]]
    condition = due[0]
    for each in due[1:]:
        condition |= each
    return [*found, *waiting.filter(condition).values_list("record_id", "digest")[:limit]]


def judge_again(judge_: Judge, seen: Sequence[Seen]) -> int:
    """Judge calls once more as of their receipt; each verdict becomes a new version beside the old."""
    judged = {one.record.record_id: _judged(judge_.verifier, one) for one in seen}
    with transaction.atomic():
        waiting = Signature.objects.select_for_update().filter(record_id__in=judged, current=True).order_by("id")
        old = {row.record_id: row for row in waiting}
        new = _rows(judge_, [one for record_id, one in judged.items() if record_id in old])
        for row in new:
            row.version = old[row.record_id].version + 1
        _count(list(old.values()), -1)
        Signature.objects.filter(pk__in=[row.pk for row in old.values()]).update(current=False)
        Signature.objects.bulk_create(new)
        _count(new, 1)
    return len(new)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """One call with its verdict and what the rules look at of it."""

    seen: Seen
    verdict: CallVerdict
    token: TokenVerdict | None
    signed: Signed


def _judged(verifier: Verifier, one: Seen) -> _Judged:
    record_ = one.record
    call = Call(
        calling=record_.calling_raw or record_.calling,
        called=record_.called_raw or record_.called,
        at=record_.call_at.timestamp(),
    )
    verdict = verifier.verify_call(list(one.identities), call, now=_heard(record_).timestamp())
    token = _leading(verdict)
    return _Judged(seen=one, verdict=verdict, token=token, signed=_signed(record_, verdict, token))


def _listed(codes: set[str]) -> Callable[[str], bool | None]:
    """Return what tells whether a code is in a register: of providers, or of company codes where one was loaded."""
    known = set(Provider.objects.filter(spc__in=codes).values_list("spc", flat=True))
    companies = RegistryEntry.objects.filter(registry=Registry.OCN, valid_to=None)
    loaded = companies.exists()
    if loaded:
        known |= set(companies.filter(ocn__in=codes).values_list("ocn", flat=True))
    return lambda spc: True if spc in known else (False if loaded else None)


def _leading(verdict: CallVerdict) -> TokenVerdict | None:
    """Return the token that vouches for the caller: the shaken one, else the first that could be read."""
    readable = [token for token in verdict.tokens if token.passport is not None]
    return next((token for token in readable if token.ppt == "shaken"), readable[0] if readable else None)


def _heard(record_: CallRecord) -> datetime:
    """Return when the call came: a live SIP message is here as it is sent; a report or a file is not."""
    live = record_.record_kind is RecordKind.SIP and "file-name" not in record_.headers
    return record_.received_at if live else record_.call_at


def _signed(record_: CallRecord, verdict: CallVerdict, token: TokenVerdict | None) -> Signed:
    orig = token.claim("orig") if token else None
    said = str(orig.get("tn", "")) if isinstance(orig, dict) else ""
    attest = str(token.claim("attest") or "") if token else ""
    failed = {str(f.reason) for t in verdict.tokens for f in t.noted if f.outcome is Outcome.FAILED}
    failed |= {str(f.reason) for f in verdict.noted if f.outcome is Outcome.FAILED}
    return Signed(
        record_id=str(record_.record_id),
        spc=token.spc if token else "",
        attest=attest if attest in {"A", "B", "C"} else "",
        origid=str(token.claim("origid") or "")[:200] if token else "",
        orig=canonical(said)[:18] if said else "",
        calling=record_.calling,
        iat=_instant(token.passport.iat if token and token.passport else None),
        seen_at=_heard(record_),
        reasons=frozenset(failed),
        signature_holds=bool(token and token.signature_holds),
        x5u=token.passport.header.x5u if token and token.passport else "",
        certificate=token.leaf.sha256 if token and token.leaf else "",
    )


def _rows(judge_: Judge, judged: Sequence[_Judged]) -> list[Signature]:
    """Return the rows of verdicts; what is asked of the database is asked once for all of them."""
    listed = _listed({one.signed.spc for one in judged} - {""})
    attested = _attested([one.signed for one in judged])
    used = _used({one.seen.record.identity_digest for one in judged})
    now = clock.now()
    found = []
    for one in judged:
        signed, record_ = one.signed, one.seen.record
        number = E164(signed.orig or signed.calling)
        before = attested.setdefault((signed.spc, signed.orig), set())
        odd = rules.flags(
            signed,
            standing=judge_.standing(number, record_.call_at) if judge_.standing and number else None,
            listed=listed(signed.spc) if signed.signature_holds else None,
            attested_before=sorted(before) if signed.signature_holds else (),
            used_before=_others(used.setdefault(record_.identity_digest, []), one),
        )
        if signed.signature_holds and signed.orig:
            before.add(signed.attest)
        found.append(_row(one, odd, now))
    return found


def _used(digests: set[str]) -> dict[str, list[str]]:
    """Return the records of the judged calls of each token, the first of them first."""
    found: dict[str, list[str]] = {}
    rows = Signature.objects.filter(digest__in=digests, current=True).order_by("seen_at")
    for digest, record_id in rows.values_list("digest", "record_id"):
        found.setdefault(digest, []).append(str(record_id))
    return found


def _others(used: list[str], one: _Judged) -> list[str]:
    """Return the other calls of a token that does not hold for this one; note this one."""
    this = one.signed.record_id
    copied = Reason.DEST_DIFFERS in one.signed.reasons or Reason.STALE in one.signed.reasons
    others = [each for each in used if each != this] if copied else []
    if this not in used:
        used.append(this)
    return others


def _row(one: _Judged, odd: Sequence[Flag], now: datetime) -> Signature:
    signed, verdict, record_ = one.signed, one.verdict, one.seen.record
    return Signature(
        digest=record_.identity_digest,
        record_id=record_.record_id,
        seen_at=record_.received_at,
        judged_at=now,
        spc=signed.spc,
        signers=list(verdict.signers),
        attest=signed.attest,
        origid=signed.origid,
        orig=signed.orig,
        calling=signed.calling,
        iat=signed.iat,
        ppt=",".join(each.ppt for each in verdict.tokens if each.ppt)[:60],
        x5u=signed.x5u[:2_048],
        host=archive.host_of(signed.x5u),
        result=verdict.result.value,
        reason=str(verdict.reason or ""),
        verstat=verdict.verstat.value,
        sip_status=verdict.sip_status,
        checks=_checks(verdict),
        chain=list(one.token.path) if one.token else [],
        flags=[_stored(flag) for flag in odd],
        software=_SOFTWARE[:40],
    )


def _instant(seconds: float | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
    except (OverflowError, ValueError, OSError):
        return None


def _attested(signed: Sequence[Signed]) -> dict[tuple[str, str], set[str]]:
    """Return which attestations each signer gave each calling number within the day before."""
    asked = {(one.spc, one.orig) for one in signed if one.signature_holds and one.spc and one.orig}
    if not asked:
        return {}
    since = min(one.seen_at for one in signed) - _ATTESTED_WITHIN
    rows = Signature.objects.filter(
        spc__in={spc for spc, _ in asked}, orig__in={orig for _, orig in asked}, seen_at__gt=since, current=True
    ).exclude(attest="")
    found: dict[tuple[str, str], set[str]] = {}
    for spc, orig, attest in rows.values_list("spc", "orig", "attest").distinct():
        found.setdefault((spc, orig), set()).add(attest)
    return found


def _checks(verdict: CallVerdict) -> list[dict[str, Any]]:
    """Return every check of every token: what passed by number, the rest in words. No claim is kept: one is called."""
    tokens = [(place, token.ppt, token.findings) for place, token in enumerate(verdict.tokens, start=1)]
    return [
        {
            "token": place,
            "ppt": ppt,
            "passed": [int(each.check) for each in findings if each.outcome is Outcome.PASSED and not each.detail],
            "noted": [_noted(each) for each in findings if each.outcome is not Outcome.PASSED or each.detail],
        }
        for place, ppt, findings in [*tokens, (0, "", verdict.findings)]
    ]


def _noted(finding: Finding) -> dict[str, Any]:
    # What differs in the destination would name the called number.
    said = finding.detail if finding.reason not in {Reason.DEST_DIFFERS, Reason.DEST_BAD} else ""
    return {
        "check": int(finding.check),
        "outcome": str(finding.outcome),
        "reason": str(finding.reason or ""),
        "detail": said[:300],
    }


def _stored(flag: Flag) -> dict[str, Any]:
    return {
        "kind": flag.kind.value,
        "detail": flag.detail,
        "evidence": list(flag.evidence),
        "rule_version": flag.rule_version,
    }


def _count(rows: Sequence[Signature], sign: int) -> None:
    """Add to, or take from, the counts an hour."""
    counts: Counter[tuple[datetime, str, str, str]] = Counter()
    flagged: Counter[tuple[datetime, str, str, str]] = Counter()
    for signature in rows:
        hour = signature.seen_at.replace(minute=0, second=0, microsecond=0)
        key = (hour, signature.spc, signature.attest, signature.result)
        counts[key] += sign
        flagged[key] += sign * bool(signature.flags)
    for (hour, spc, attest, result), tokens in sorted(counts.items()):
        row, _ = SignerHour.objects.get_or_create(hour=hour, spc=spc, attest=attest, result=result)
        SignerHour.objects.filter(pk=row.pk).update(
            tokens=F("tokens") + tokens, flagged=F("flagged") + flagged[hour, spc, attest, result]
        )


@transaction.atomic
def decide_host(actor: Actor, host: str, *, allow: bool, reason: str) -> None:
    """Let certificates be fetched from a host, or refuse it; what was signed from there is judged again if allowed.

    Raises:
        Forbidden: the actor may not.
        Invalid: no reason, or a host that no certificate address could have.
    """
    actor.require(Permission.SIGNER_REVIEW)
    host, reason = host.strip().lower(), " ".join(reason.split())
    if not 0 < len(reason) <= MAX_REASON:
        message = f"Say why, in at most {MAX_REASON} characters."
        raise Invalid(message)
    if len(host) > archive.MAX_HOST or (why := x5u_fault(f"https://{host}/")):
        message = (
            f"{host[:80]!r} cannot hold certificates: {why if len(host) <= archive.MAX_HOST else 'it is too long'}."
        )
        raise Invalid(message)
    now = clock.now()
    state = HostState.ALLOWED if allow else HostState.REFUSED
    Host.objects.update_or_create(
        host=host,
        defaults={"state": state.value, "reason": reason, "decided_by": actor.label, "decided_at": now},
        create_defaults={
            "state": state.value, "reason": reason, "decided_by": actor.label, "decided_at": now,
            "first_seen_at": now, "last_seen_at": now,
        },
    )  # fmt: skip
    record(actor, Tag.SIGNER_HOST_DECIDED, host, {"state": state.value, "reason": reason})


@transaction.atomic
def allow_hosts(actor: Actor, hosts: Iterable[str], *, reason: str) -> tuple[int, int]:
    """Allow every host of a directory that is not decided yet; return how many were allowed and how many could not be.

    Raises:
        Forbidden: the actor may not.
    """
    actor.require(Permission.SIGNER_REVIEW)
    found = {host.strip().lower() for host in hosts} - {""}
    fit = {host for host in found if len(host) <= archive.MAX_HOST and not x5u_fault(f"https://{host}/")}
    decided = set(Host.objects.exclude(state=HostState.WAITING).values_list("host", flat=True))
    for host in sorted(fit - decided):
        decide_host(actor, host, allow=True, reason=reason)
    return len(fit - decided), len(found - fit)


@transaction.atomic
def bring_certificates(actor: Actor, pem: bytes, *, x5u: str) -> list[str]:
    """Archive a chain that somebody brought for an address; return the SHA-256 of each certificate, leaf first.

    Calls that were signed from that address are judged again with it.

    Raises:
        Forbidden: the actor may not.
        Invalid: it is no chain of certificates, or the address is none.
    """
    actor.require(Permission.SIGNER_REVIEW)
    if not x5u.startswith("https://") or len(x5u) > 2_048:
        message = "Give the address that the tokens name, as they write it: https://..."
        raise Invalid(message)
    try:
        chain = parse_pem_chain(pem[:LARGEST_PEM])
    except CertificateError as error:
        message = f"The file is no chain of certificates: {error}"
        raise Invalid(message) from error
    archive.keep(chain, x5u=x5u, came_by=actor.label, octets=pem)
    digests = [each.sha256 for each in chain]
    record(actor, Tag.SIGNER_CERTIFICATE_BROUGHT, digests[0], {"x5u": x5u, "chain": digests})
    return digests


def note_revocations(listed: RevocationList) -> int:
    """Write beside each archived certificate that the STI-PA's list revokes when it was revoked; return how many."""
    changed = 0
    for row in Certificate.objects.filter(revoked_at=None).iterator(chunk_size=1_000):
        at = listed.revoked_at(parse_certificate(bytes(row.octets)))
        if at is not None:
            row.revoked_at = datetime.fromtimestamp(at, UTC)
            row.save(update_fields=["revoked_at"])
            changed += 1
    return changed
