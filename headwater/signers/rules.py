"""What is odd about a signed call: abuse flags and the five anomalies that tracebacks show. Pure.

Each is a fact with its evidence and no judgement of anybody. A signature is a hypothesis about the origin; the walk of
a traceback confirms or refutes it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from headwater.numbering.plan import Standing
from headwater.signers.values import Flag, FlagKind, PathStep
from headwater.stir.reasons import Reason

VERSION = "signers/1"
#: Distinct calling numbers, all attested A, in one campaign from one origination identifier.
PLATFORM_NUMBERS = 5
#: Seconds between signing and receipt beyond which a token is odd (RFC 8224 section 6.2 asks for 60).
SKEW_S = 60
#: Distinct numbers attested A whose blocks are others', and how many others, before that is worth a look.
FOREIGN_NUMBERS, FOREIGN_CARRIERS = 20, 5
#: Seconds between two messages of one token beyond which they are not one call: hops and their clocks differ by less.
ONE_CALL_S = 300
#: Records that a pattern of many calls names as its evidence.
EVIDENCE = 20
#: Calls of one token that get a verdict of their own; more say nothing new, and whoever replays could send millions.
MOST_USES = 20

_ENDED = frozenset({Reason.CERTIFICATE_REVOKED, Reason.CERTIFICATE_EXPIRED, Reason.CERTIFICATE_NOT_YET_VALID})
_CODE = frozenset({Reason.TN_AUTH_LIST_MALFORMED, Reason.TN_AUTH_LIST_MISSING})
_SKEW = frozenset({Reason.STALE, Reason.FROM_THE_FUTURE})


def _flag(kind: FlagKind, detail: str, *evidence: str) -> Flag:
    return Flag(kind=kind, detail=detail, evidence=tuple(evidence), rule_version=VERSION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What the rules look at of one signed call."""

    record_id: str
    spc: str
    attest: str
    origid: str
    orig: str
    calling: str
    iat: datetime | None
    seen_at: datetime
    reasons: frozenset[str]
    """Reason of each failed check."""
    signature_holds: bool
    x5u: str
    certificate: str
    """SHA-256 of the leaf, "" where it was not had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One call that a token came with, as one record tells it: the last ten digits of its numbers, "" where unknown."""

    calling: str
    called: str
    at: datetime | None
    """When its message was sent; None where the record's time may be anybody's guess (a report)."""


def one_call(known: Use, other: Use) -> bool:
    """Tell whether a record tells of the call that is ``known``. What it does not say, it does not contradict."""
    if (other.called and other.called != known.called) or (other.calling and other.calling != known.calling):
        return False
    return known.at is None or other.at is None or abs((other.at - known.at).total_seconds()) <= ONE_CALL_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Registers:
    """What the registers say; None where one is not loaded and nothing can be told."""

    standing: Standing | None = None
    """Of the calling number at the time of the call."""
    listed: bool | None = None
    """Whether the signer's code is in a register."""
    filed: bool | None = None
    """Whether the signer is in the Robocall Mitigation Database."""


SILENT = Registers()


def flags(
    signed: Signed,
    *,
    registers: Registers = SILENT,
    used_before: Sequence[str] = (),
    attested_before: Sequence[str] = (),
) -> list[Flag]:
    """Return what is odd about one signed call by itself.

    Args:
        signed: The call.
        registers: What the registers say of its number and its signer.
        used_before: Records of other calls that the same token came with, where it does not hold for this one.
        attested_before: Other attestations that the signer gave the same calling number.
    """
    record, found = signed.record_id, [*_against(registers, signed), *_of_reasons(signed)]
    if used_before:
        detail = f"the same token came with {len(used_before)} other call{'s' if len(used_before) > 1 else ''}"
        found.append(_flag(FlagKind.REPLAYED, detail, record, *used_before))
    if others := sorted({other for other in attested_before if other and other != signed.attest}):
        detail = f"{signed.spc} gave {signed.orig} {signed.attest} here and {', '.join(others)} elsewhere"
        found.append(_flag(FlagKind.ATTESTATION_CHANGES, detail, record))
    return found


def _against(registers: Registers, signed: Signed) -> Iterator[Flag]:
    record, standing = signed.record_id, registers.standing
    if signed.attest == "A" and signed.signature_holds and standing is not None and standing.dno:
        why = ", ".join(standing.dno)
        yield _flag(FlagKind.SPOOFED_WITH_A, f"{signed.orig or signed.calling} is {why}", record)
    if registers.listed is False and signed.spc:
        yield _flag(FlagKind.SIGNER_UNLISTED, f"{signed.spc} is in no register of codes", record)
    if registers.filed is False and signed.spc:
        yield _flag(FlagKind.SIGNER_UNFILED, f"no filing of {signed.spc} stands (47 CFR 64.6305)", record)


def _of_reasons(signed: Signed) -> Iterator[Flag]:
    record, reasons = signed.record_id, signed.reasons
    if ended := reasons & _ENDED:
        yield _flag(FlagKind.CERTIFICATE_ENDED, ", ".join(sorted(ended)), record, signed.certificate)
    if signed.iat is not None and (reasons & _SKEW):
        skew = int((signed.seen_at - signed.iat).total_seconds())
        yield _flag(FlagKind.SKEWED, f"received {skew} s after it was signed", record)
    if reasons & _CODE:
        yield _flag(FlagKind.CODE_MALFORMED, "no single provider code can be read", record, signed.certificate)
    if Reason.X5U_REFUSED in reasons:
        yield _flag(FlagKind.ADDRESS_ODD, signed.x5u[:200], record)
    if Reason.ORIG_DIFFERS in reasons:
        detail = f"the token says {signed.orig}, the call {signed.calling}"
        yield _flag(FlagKind.NUMBER_DIFFERS, detail, record)


def foreign(held: Iterable[tuple[str, str, str]], *, spc: str) -> list[Flag]:
    """Return whether a signer vouches in full for the numbers of many other carriers.

    Numbers are ported and one carrier has many codes, so that some are always others'; that a signer's customer may
    use the numbers of many carriers is what its know-your-customer records must show (RFC 8588 section 4).

    Args:
        held: Number, company code of its block's holder and record of each valid call that the signer attested A.
        spc: The signer.
    """
    numbers: dict[str, tuple[str, str]] = {}
    for number, holder, record in held:
        if holder and holder != spc:
            numbers.setdefault(number, (holder, record))
    carriers = {holder for holder, _ in numbers.values()}
    if len(numbers) < FOREIGN_NUMBERS or len(carriers) < FOREIGN_CARRIERS:
        return []
    detail = f"{len(numbers)} numbers attested A by {spc} are of blocks of {len(carriers)} other carriers"
    return [_flag(FlagKind.FOREIGN_NUMBERS, detail, *sorted(record for _, record in numbers.values())[:EVIDENCE])]


def platform(signed: Iterable[Signed], *, campaign: str) -> list[Flag]:
    """Return the pattern of a platform that was broken into, in the signed calls of one campaign.

    One origination identifier of one signer is one of its customers, trunks or platforms (RFC 8588 section 5). Calls
    of a scam over it, all attested A as numbers that its customer may use, from many numbers: either that customer
    owns them all and runs the scam, or somebody else calls over its platform. Which, its provider must say.
    """
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for one in signed:
        if one.attest == "A" and one.signature_holds and one.spc and one.origid:
            groups.setdefault((one.spc, one.origid), {})[one.orig] = one.record_id
    return [
        _flag(
            FlagKind.HACKED_PLATFORM,
            f"{len(numbers)} numbers attested A by {spc} over origid {origid} in campaign {campaign}",
            *sorted(numbers.values()),
        )
        for (spc, origid), numbers in sorted(groups.items())
        if len(numbers) >= PLATFORM_NUMBERS
    ]


def anomalies(
    *, signers: Sequence[str], attest: str, reasons: Iterable[str], path: Sequence[PathStep], record_id: str = ""
) -> list[Flag]:
    """Hold a signature against the path that a traceback walked.

    Args:
        signers: Codes of the valid signers, the first of them the one that vouches for the caller.
        attest: Its attestation.
        reasons: Reasons of the verdict's failed checks.
        path: The hops, from the terminating provider upstream.
        record_id: The record that carried the signature.
    """
    found: list[Flag] = []
    spc = signers[0] if signers else ""
    asked = tuple(step.question_id for step in path)
    origin = next((step for step in path if step.answer == "ORIGINATED"), None)
    mine = next((step for step in path if step.spc == spc), None) if spc else None
    if spc and origin is not None and mine is None:
        detail = f"{spc} signed, and none of {len(path)} hops is {spc}; {origin.name} ({origin.spc}) originated"
        found.append(_flag(FlagKind.SIGNER_NOT_IN_PATH, detail, record_id, *asked))
    if origin is not None and mine is not None and mine.hop < origin.hop and attest in {"A", "B"}:
        detail = (
            f"{mine.name} ({spc}, hop {mine.hop}) attested {attest}; the origin is {origin.name} ({origin.spc}), "
            f"{origin.hop - mine.hop} hops further"
        )
        found.append(_flag(FlagKind.DOWNSTREAM_SIGNED, detail, record_id, mine.question_id, origin.question_id))
    if ended := set(reasons) & _ENDED:
        found.append(_flag(FlagKind.CERTIFICATE_ENDED, ", ".join(sorted(ended)), record_id))
    found.extend(_stripped(path))
    return found


def _stripped(path: Sequence[PathStep]) -> list[Flag]:
    """Return who dropped the Identity header: it received the call with one and handed it on without."""
    found = []
    for downstream, upstream in pairwise(path):
        if upstream.identity_digest and downstream.states_leg and not downstream.identity_digest:
            detail = (
                f"{upstream.name} ({upstream.spc}) received the call signed; {downstream.name} received it unsigned"
            )
            found.append(_flag(FlagKind.STRIPPED, detail, upstream.question_id, downstream.question_id))
    return found
