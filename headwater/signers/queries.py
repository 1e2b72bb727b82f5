"""What may be read of signers, and by whom: the consortium's people; other rooms for their own decisions."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, QuerySet, Sum

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.audit.actions import record
from headwater.audit.tags import Tag
from headwater.calls.queries import connect
from headwater.calls.records import CallRecord
from headwater.errors import NotFound, Unavailable
from headwater.numbering.numbers import masked, state
from headwater.signers import rules, shown
from headwater.signers.models import Certificate, Host, SignerHour, VerifierCheckpoint
from headwater.signers.models import Signature as Row
from headwater.signers.rules import Use
from headwater.signers.uses import use
from headwater.signers.values import FlagKind, HostState, Signature
from headwater.signers.views import (
    CallView,
    CertificateView,
    HostView,
    Mix,
    Mixed,
    SignerRow,
    SignerView,
    VerifierView,
)
from headwater.stir.certificates import Certificate as Parsed
from headwater.stir.certificates import CertificateError, parse_certificate
from headwater.stir.verdict import Result

#: Hours of the series that a signer's page shows.
SERIES_HOURS = 48
ATTESTATIONS = ("A", "B", "C", "")
_MOST = 500
_MOST_HELD = 10_000


def call(actor: Actor, record_id: UUID) -> CallView:
    """Return one call record for a page: its called number masked, without its octets; the look is audited.

    Raises:
        Forbidden: the actor may not.
        NotFound: there is no such record.
        Unavailable: the call store does not answer.
    """
    actor.require(Permission.CALL_READ)
    found = next(iter(connect(settings.HEADWATER.calls_url).records([record_id])), None)
    if found is None:
        message = f"There is no call record {record_id}."
        raise NotFound(message)
    with transaction.atomic():
        record(actor, Tag.CALL_VIEWED, str(record_id))
    return CallView(
        record_id=found.record_id,
        kind=found.record_kind.value,
        source_id=found.source_id,
        call_at=found.call_at,
        received_at=found.received_at,
        calling=found.calling,
        called_masked=masked(found.called),
        called_state=state(found.called),
        disposition=found.disposition,
        call_id=found.call_id,
        source_ip=found.source_ip,
        destination_ip=found.destination_ip,
        capture_agent=found.capture_agent,
        terminating_spc=found.terminating_spc,
        identity_digest=found.identity_digest,
        claimed_attestation=found.attest,
        claimed_origid=found.origid,
        raw_sha256=found.raw_sha256.hex(),
        credential=found.credential,
        software=found.software,
        file=_file(found.headers),
        file_sha256=found.headers.get("file-sha256", ""),
        transcript=found.transcript,
    )


def _file(headers: Mapping[str, str]) -> str:
    name, row = headers.get("file-name", ""), headers.get("file-row", "")
    return f"{name}, row {row}" if name and row else name


def versions(actor: Actor, record_id: UUID) -> list[Signature]:
    """Return every verdict on the call that was judged in this record, the newest first."""
    actor.require(Permission.SIGNER_READ)
    return shown.signatures(Row.objects.filter(record_id=record_id).order_by("-version"))


def _require(actor: Actor) -> None:
    actor.require(Permission.SIGNER_READ)
    if actor.organisation_kind is not OrganisationKind.CONSORTIUM:
        message = "There is nothing here for you."
        raise NotFound(message)


def signers(actor: Actor, *, now: datetime, hours: int = SERIES_HOURS) -> list[SignerRow]:
    """Return every signer of the last ``hours``, the busiest first; "" stands for tokens whose signer is not known."""
    _require(actor)
    counts = SignerHour.objects.filter(hour__gt=_start(now, hours))
    codes = list(
        counts.values("spc")
        .annotate(total=Sum("tokens"))
        .order_by("-total", "spc")
        .values_list("spc", flat=True)[:_MOST]
    )
    return _rows(codes, counts.filter(spc__in=codes), now=now, hours=hours)


def _start(now: datetime, hours: int) -> datetime:
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)


@dataclass(slots=True)
class _Tally:
    spark: list[int]
    by_attestation: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ATTESTATIONS, 0))
    not_valid: int = 0
    flagged: int = 0
    last: datetime | None = None


def _rows(codes: Sequence[str], counts: QuerySet[SignerHour], *, now: datetime, hours: int) -> list[SignerRow]:
    start, names = _start(now, hours) + timedelta(hours=1), shown.names(codes)
    found = {code: _Tally(spark=[0] * hours) for code in codes}
    for row in counts:
        one = found[row.spc]
        one.by_attestation[row.attest] += row.tokens
        one.not_valid += row.tokens if row.result != Result.VALID else 0
        one.flagged += row.flagged
        place = int((row.hour - start) / timedelta(hours=1))
        if 0 <= place < hours:
            one.spark[place] += row.tokens
        one.last = max(one.last or row.hour, row.hour)
    return [
        SignerRow(
            spc=code,
            name=names.get(code, ("", ""))[0],
            provider_id=names.get(code, ("", ""))[1],
            tokens=sum(one.by_attestation.values()),
            by_attestation=one.by_attestation,
            not_valid=one.not_valid,
            flagged=one.flagged,
            last_hour=one.last or start,
            spark=tuple(one.spark),
        )
        for code, one in found.items()
    ]


def signer(actor: Actor, spc: str, *, now: datetime) -> SignerView:
    """Return one signer in full; the look is audited.

    Raises:
        Forbidden, NotFound: the actor may not, or nothing was signed with the code.
    """
    _require(actor)
    rows = Row.objects.filter(spc=spc, current=True)
    if not rows.exists():
        message = f"Nothing that was signed as {spc[:16]} has come in."
        raise NotFound(message)
    counts = SignerHour.objects.filter(spc=spc, hour__gt=_start(now, SERIES_HOURS))
    with transaction.atomic():
        record(actor, Tag.SIGNER_VIEWED, spc or "unknown signer")
        latest = shown.signatures(rows.order_by("-seen_at")[:50])
        recent = rows.filter(seen_at__gt=now - timedelta(days=30))
        return SignerView(
            row=_rows([spc], counts, now=now, hours=SERIES_HOURS)[0],
            hours=tuple(_start(now, SERIES_HOURS) + timedelta(hours=1 + n) for n in range(SERIES_HOURS)),
            series=_series(counts, now),
            reasons=_counted(recent.exclude(reason="").values_list("reason").annotate(n=Count("id"))),
            flags=_flags(recent),
            origids=tuple(
                recent.exclude(origid="")
                .values_list("origid", "attest")
                .annotate(n=Count("id"))
                .order_by("-n", "origid")[:50]
            ),
            certificates=tuple(shown.certificates(Certificate.objects.filter(spc=spc).order_by("-last_seen_at")[:50])),
            patterns=tuple(rules.foreign(_held(recent), spc=spc)),
            latest=tuple(latest),
        )


def _held(rows: QuerySet[Row]) -> list[tuple[str, str, str]]:
    """Return number, holder and record of valid calls attested A whose block's holder is known, the newest."""
    found = rows.filter(attest="A", result=Result.VALID.value).exclude(holder="").order_by("-seen_at")
    return [(n, h, str(r)) for n, h, r in found.values_list("orig", "holder", "record_id")[:_MOST_HELD]]


def _series(counts: QuerySet[SignerHour], now: datetime) -> dict[str, tuple[int, ...]]:
    start = _start(now, SERIES_HOURS) + timedelta(hours=1)
    found = {attest: [0] * SERIES_HOURS for attest in ATTESTATIONS}
    for row in counts:
        place = int((row.hour - start) / timedelta(hours=1))
        if 0 <= place < SERIES_HOURS:
            found[row.attest][place] += row.tokens
    return {attest: tuple(series) for attest, series in found.items()}


def _counted(rows: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(rows, key=lambda row: (-row[1], row[0])))


def _flags(rows: QuerySet[Row]) -> tuple[tuple[FlagKind, int], ...]:
    counts: dict[FlagKind, int] = {}
    for flags in rows.exclude(flags=[]).order_by("-seen_at").values_list("flags", flat=True)[:10_000]:
        for flag in flags:
            kind = FlagKind(flag["kind"])
            counts[kind] = counts.get(kind, 0) + 1
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def certificate(actor: Actor, sha256: str) -> tuple[CertificateView, bytes]:
    """Return one archived certificate with its octets (DER).

    Raises:
        Forbidden, NotFound: the actor may not, or there is none.
    """
    _require(actor)
    row = Certificate.objects.filter(sha256=sha256).first()
    if row is None:
        message = f"No certificate {sha256[:16]} was ever seen here."
        raise NotFound(message)
    return shown.certificates([row])[0], bytes(row.octets)


def certificates(actor: Actor, *, spc: str = "") -> list[CertificateView]:
    """Return archived certificates, the last seen first; of one provider code, or of all."""
    _require(actor)
    rows = Certificate.objects.filter(spc=spc.upper()) if spc else Certificate.objects.all()
    return shown.certificates(rows.order_by("-last_seen_at", "sha256")[:_MOST])


def chain(digests: Sequence[str]) -> list[CertificateView]:
    """Return archived certificates in the order of ``digests``; those that are not archived are left out."""
    found = {row.sha256: row for row in Certificate.objects.filter(sha256__in=digests)}
    return shown.certificates([found[digest] for digest in digests if digest in found])


def octets(digests: Sequence[str]) -> dict[str, bytes]:
    """Return archived certificates (DER) by their SHA-256."""
    rows = Certificate.objects.filter(sha256__in=digests).values_list("sha256", "octets")
    return {sha256: bytes(der) for sha256, der in rows.order_by("sha256")}


def parsed(sha256: str) -> Parsed | None:
    """Return one archived certificate as ``stir`` reads it, or None."""
    row = Certificate.objects.filter(sha256=sha256).first()
    try:
        return parse_certificate(bytes(row.octets)) if row else None
    except CertificateError:
        return None


def hosts(actor: Actor, *, state: HostState | None = None) -> list[HostView]:
    """Return the hosts of certificates, those that wait first, the most asked for first."""
    _require(actor)
    rows = Host.objects.filter(state=state) if state else Host.objects.all()
    order = {HostState.WAITING: 0, HostState.REFUSED: 1, HostState.ALLOWED: 2}
    found = [
        HostView(
            host=row.host,
            state=HostState(row.state),
            reason=row.reason,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
            first_seen_at=row.first_seen_at,
            last_seen_at=row.last_seen_at,
            asked_for=row.asked_for,
            sample=row.sample,
        )
        for row in rows.order_by("-asked_for", "host")[:5_000]
    ]
    return sorted(found, key=lambda one: order[one.state])


def verifier() -> VerifierView:
    """Return how far the verifier is. Figures only: anyone may know them."""
    row = VerifierCheckpoint.objects.filter(id=1).first()
    return VerifierView(read_to=row.received_at if row else None, judged=row.judged if row else 0)


def newest_seen() -> datetime | None:
    """Return when the newest judged call was received."""
    found: datetime | None = Row.objects.aggregate(at=Max("seen_at"))["at"]
    return found


def mix(record_ids: Iterable[UUID], *, campaign: str) -> Mix:
    """Return who signed the calls of these records. For Headwater itself and for pages that audit their own look."""
    by_record, partial = at_hand(record_ids)
    found = list(by_record.values())
    counts = Counter((one.spc, one.provider_name, one.attest, one.valid) for one in found)
    rows = [
        Mixed(spc=spc, name=name, attest=attest, valid=valid, calls=calls)
        for (spc, name, attest, valid), calls in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    signed = [
        rules.Signed(
            record_id=str(one.record_id),
            spc=one.spc,
            attest=one.attest,
            origid=one.origid,
            orig=one.orig,
            calling=one.calling,
            iat=one.iat,
            seen_at=one.seen_at,
            reasons=frozenset({one.reason} - {""}),
            signature_holds=one.valid,
            x5u=one.x5u,
            certificate=one.chain[0] if one.chain else "",
        )
        for one in found
    ]
    return Mix(
        signed=len(found), rows=tuple(rows), flags=tuple(rules.platform(signed, campaign=campaign)), partial=partial
    )


def of_records(record_ids: Iterable[UUID]) -> dict[UUID, Signature]:
    """Return the verdicts in force that were made of these very records; needs no call store."""
    rows = Row.objects.filter(record_id__in=list(record_ids), current=True)
    return {one.record_id: one for one in shown.signatures(rows)}


def of_hops(record_ids: Iterable[UUID]) -> dict[UUID, Signature]:
    """Return the verdicts in force on the calls of these records, whichever hop's record was judged.

    Raises:
        Unavailable: the call store does not answer.
    """
    wanted = list(dict.fromkeys(record_ids))
    found = of_records(wanted)
    rest = [record_id for record_id in wanted if record_id not in found]
    if rest:
        found |= of_calls(connect(settings.HEADWATER.calls_url).records(rest))
    return found


def at_hand(record_ids: Iterable[UUID]) -> tuple[dict[UUID, Signature], bool]:
    """Return what ``of_hops`` returns, for a page that has more to say; and whether verdicts may be missing.

    Where the call store does not answer, verdicts on records of other hops are missing.
    """
    wanted, partial = list(record_ids), not settings.HEADWATER.calls_url
    try:
        return (of_records if partial else of_hops)(wanted), partial
    except Unavailable:
        return of_records(wanted), True


def hops(actor: Actor, calls: Sequence[Signature]) -> dict[UUID, str]:
    """Return every record of these calls, whichever source it came from, with the digest of its token.

    Raises:
        Unavailable: the call store does not answer.
    """
    _require(actor)
    if not calls:
        return {}
    since = min(one.seen_at for one in calls) - timedelta(days=1)
    return connect(settings.HEADWATER.calls_url).carrying(sorted({one.digest for one in calls}), since=since)


def of_calls(records: Iterable[CallRecord]) -> dict[UUID, Signature]:
    """Return the verdicts in force on the calls that these records tell of.

    Raises:
        Unavailable: the call store does not answer.
    """
    signed = [each for each in records if each.identity_digest]
    rows = Row.objects.filter(digest__in={each.identity_digest for each in signed}, current=True).order_by("seen_at")
    by_digest: dict[str, list[Signature]] = {}
    for row in shown.signatures(rows):
        by_digest.setdefault(row.digest, []).append(row)
    several = [one.record_id for ones in by_digest.values() if len(ones) > 1 for one in ones]
    first = connect(settings.HEADWATER.calls_url).records(several) if several else ()
    known = {each.record_id: use(each) for each in first}
    found = {each.record_id: _its(each, by_digest.get(each.identity_digest, []), known) for each in signed}
    return {record_id: one for record_id, one in found.items() if one is not None}


def _its(record_: CallRecord, ones: Sequence[Signature], known: Mapping[UUID, Use]) -> Signature | None:
    """Return the verdict of a record's call among those of its token; of many copies, the last that was judged."""
    if len(ones) < 2:
        return ones[0] if ones else None
    this = use(record_)
    mine = (one for one in ones if one.record_id in known and rules.one_call(known[one.record_id], this))
    return next((one for one in ones if one.record_id == record_.record_id), None) or next(mine, ones[-1])
