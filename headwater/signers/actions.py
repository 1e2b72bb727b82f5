"""What is done about signers: calls judged, certificates brought, hosts allowed or refused.

A person's acts are audited. Judging is nobody's act: each verdict is a row with the version of the software that made
it, and what is judged again is a new version beside the old.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.errors import Invalid
from headwater.signers import archive
from headwater.signers.models import Address, Certificate, Host, Signature, SignerHour, VerifierCheckpoint
from headwater.signers.values import HostState
from headwater.signers.verdicts import Judge, Seen, judged, rows
from headwater.stir.certificates import CertificateError, parse_certificate, parse_pem_chain
from headwater.stir.reasons import Reason
from headwater.stir.revocation import RevocationList
from headwater.stir.x5u import x5u_fault

#: Reasons that a later certificate or a person's decision can mend: such calls are judged again.
MENDABLE = (Reason.X5U_REFUSED.value, Reason.CERTIFICATE_UNAVAILABLE.value)
#: How long back calls are judged again.
AGAIN_WITHIN = timedelta(days=7)
#: A certificate that an allowed host did not hand out is asked for again, so often and so long.
RETRY_AFTER, RETRY_WITHIN, MOST_VERSIONS = timedelta(minutes=10), timedelta(hours=24), 8
LARGEST_PEM = 256 * 1024
MAX_REASON = 400


def judge(judge_: Judge, seen: Sequence[Seen], *, read_to: datetime) -> int:
    """Judge signed calls as of their receipt and keep the verdicts; return how many are new.

    The verdicts and how far was read stand in one transaction: a verifier that is killed misses and doubles nothing.
    """
    calls = [judged(judge_.verifier, one) for one in seen]
    with transaction.atomic():
        checkpoint, _ = VerifierCheckpoint.objects.select_for_update(no_key=True).get_or_create(
            id=1, defaults={"received_at": read_to}
        )
        ids = [one.record.record_id for one in seen]
        known = set(Signature.objects.filter(record_id__in=ids, current=True).values_list("record_id", flat=True))
        fresh = rows(judge_, [one for one in calls if one.seen.record.record_id not in known])
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
    calls = {one.record.record_id: judged(judge_.verifier, one) for one in seen}
    with transaction.atomic():
        waiting = (
            Signature.objects.select_for_update(no_key=True).filter(record_id__in=calls, current=True).order_by("id")
        )
        old = {row.record_id: row for row in waiting}
        new = rows(judge_, [one for record_id, one in calls.items() if record_id in old])
        for row in new:
            row.version = old[row.record_id].version + 1
        _count(list(old.values()), -1)
        Signature.objects.filter(pk__in=[row.pk for row in old.values()]).update(current=False)
        Signature.objects.bulk_create(new)
        _count(new, 1)
    return len(new)


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
