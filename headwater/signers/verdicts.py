"""One call's verdict as a row: judged as of its receipt, with what is odd about it by the registers and its history."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

from headwater import clock
from headwater.calls.records import CallRecord, RecordKind
from headwater.numbering.numbers import E164, canonical
from headwater.numbering.plan import Standing
from headwater.providers.models import Provider, RegistryEntry
from headwater.providers.registries.entries import Registry
from headwater.signers import archive, rules
from headwater.signers.models import Signature
from headwater.signers.rules import Registers, Signed
from headwater.signers.values import Flag, FlagKind
from headwater.stir.reasons import Check, Finding, Outcome, Reason
from headwater.stir.verdict import CallVerdict, TokenVerdict
from headwater.stir.verify import Call, Verifier

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One call with its verdict and what the rules look at of it."""

    seen: Seen
    verdict: CallVerdict
    token: TokenVerdict | None
    signed: Signed


def judged(verifier: Verifier, one: Seen) -> Judged:
    """Judge the Identity headers of one call as of its receipt, held against its numbers."""
    record_ = one.record
    call = Call(
        calling=record_.calling_raw or record_.calling,
        called=record_.called_raw or record_.called,
        at=record_.call_at.timestamp(),
    )
    verdict = verifier.verify_call(list(one.identities), call, now=_heard(record_).timestamp())
    token = _leading(verdict)
    return Judged(seen=one, verdict=verdict, token=token, signed=_signed(record_, verdict, token))


def _listed(codes: set[str]) -> Callable[[str], bool | None]:
    """Return what tells whether a code is in a register: of providers, or of company codes where one was loaded."""
    known = set(Provider.objects.filter(spc__in=codes).values_list("spc", flat=True))
    companies = RegistryEntry.objects.filter(registry=Registry.OCN, valid_to=None)
    loaded = companies.exists()
    if loaded:
        known |= set(companies.filter(ocn__in=codes).values_list("ocn", flat=True))
    return lambda spc: True if spc in known else (False if loaded else None)


def _filed(codes: set[str]) -> Callable[[str], bool | None]:
    """Return what tells whether a signer is in the Robocall Mitigation Database, by its FRN."""
    filings = RegistryEntry.objects.filter(registry=Registry.RMD, valid_to=None)
    if not codes or not filings.exists():
        return lambda _spc: None
    frns: dict[str, set[str]] = {}
    own = Provider.objects.filter(spc__in=codes).exclude(frn="").values_list("spc", "frn")
    companies = RegistryEntry.objects.filter(registry=Registry.OCN, valid_to=None, ocn__in=codes).exclude(frn="")
    for code, frn in [*own, *companies.values_list("ocn", "frn")]:
        frns.setdefault(code, set()).add(frn)
    known = {frn for each in frns.values() for frn in each}
    standing = set(filings.filter(frn__in=known).values_list("frn", flat=True))
    return lambda spc: bool(frns[spc] & standing) if spc in frns else None


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


def rows(judge: Judge, calls: Sequence[Judged]) -> list[Signature]:
    """Return the rows of verdicts; what is asked of the database is asked once for all of them."""
    listed = _listed({one.signed.spc for one in calls} - {""})
    filed = _filed({one.signed.spc for one in calls} - {""})
    attested = _attested([one.signed for one in calls])
    used = _used({one.seen.record.identity_digest for one in calls})
    now = clock.now()
    found = []
    for one in calls:
        signed, record_ = one.signed, one.seen.record
        number = E164(signed.orig or signed.calling)
        before = attested.setdefault((signed.spc, signed.orig), set())
        standing = judge.standing(number, record_.call_at) if judge.standing and number else None
        odd = rules.flags(
            signed,
            registers=Registers(
                standing=standing,
                filed=filed(signed.spc) if signed.signature_holds else None,
                listed=listed(signed.spc) if signed.signature_holds else None,
            ),
            attested_before=sorted(before) if signed.signature_holds else (),
            used_before=_others(used.setdefault(record_.identity_digest, []), one),
        )
        if signed.signature_holds and signed.orig:
            before.add(signed.attest)
        found.append(_row(one, odd, now, holder=standing.ocn if standing else ""))
    return found


def _used(digests: set[str]) -> dict[str, list[str]]:
    """Return the records of the judged calls of each token, the first of them first."""
    found: dict[str, list[str]] = {}
    rows = Signature.objects.filter(digest__in=digests, current=True).order_by("seen_at")
    for digest, record_id in rows.values_list("digest", "record_id"):
        found.setdefault(digest, []).append(str(record_id))
    return found


def _others(used: list[str], one: Judged) -> list[str]:
    """Return the other calls of a token that does not hold for this one; note this one."""
    this = one.signed.record_id
    copied = Reason.DEST_DIFFERS in one.signed.reasons or Reason.STALE in one.signed.reasons
    others = [each for each in used if each != this] if copied else []
    if this not in used:
        used.append(this)
    return others


def _row(one: Judged, odd: Sequence[Flag], now: datetime, *, holder: str) -> Signature:
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
        holder=holder,
        iat=signed.iat,
        ppt=",".join(each.ppt for each in verdict.tokens if each.ppt)[:60],
        x5u=signed.x5u[:2_048],
        host=archive.host_of(signed.x5u),
        result=verdict.result.value,
        reason=str(verdict.reason or ""),
        verstat=verdict.verstat.value,
        sip_status=verdict.sip_status,
        checks=_checks(verdict, replayed=any(flag.kind is FlagKind.REPLAYED for flag in odd)),
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


def _checks(verdict: CallVerdict, *, replayed: bool) -> list[dict[str, Any]]:
    """Return every check of every token: what passed by number, the rest in words. No claim is kept: one is called."""
    said = list(verdict.findings)
    if replayed and not any(each.check is Check.REPLAY and each.outcome is Outcome.FLAGGED for each in said):
        # The verifier's memory ends with its process; the verdicts that are kept remember.
        again = Finding(Check.REPLAY, Outcome.FLAGGED, "the same token came with another call", Reason.REPLAYED)
        said = [each for each in said if each.check is not Check.REPLAY] + [again]
    tokens = [(place, token.ppt, token.findings) for place, token in enumerate(verdict.tokens, start=1)]
    return [
        {
            "token": place,
            "ppt": ppt,
            "passed": [int(each.check) for each in findings if each.outcome is Outcome.PASSED and not each.detail],
            "noted": [_noted(each) for each in findings if each.outcome is not Outcome.PASSED or each.detail],
        }
        for place, ppt, findings in [*tokens, (0, "", said)]
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
