"""What verification says: every check with its outcome, never a bare yes or no."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from headwater.stir.certificates import Certificate
from headwater.stir.identity import NO_PARAMETERS, Parameters
from headwater.stir.passport import Passport
from headwater.stir.reasons import Check, Finding, Outcome, Reason, Verstat, sip_status, sip_statuses, verstat
from headwater.stir.signer import Signer


class Mode(StrEnum):
    """For what purpose a token is judged: a live call (RFC 8224 section 6.2) or evidence of an old one."""

    LIVE = "live"
    """Now: certificate and freshness are judged at the present."""
    EVIDENCE = "evidence"
    """Later: the certificate is judged at ``iat``, freshness is not asked, a later revocation is said."""


class Result(StrEnum):
    """What the checks of one token or call add up to (RFC 8224 section 6.2)."""

    VALID = "valid"
    INVALID = "invalid"
    UNSUPPORTED = "unsupported"
    """An extension that we do not judge: as if the header were absent (RFC 8224 section 6.2)."""


_OF_CALL = frozenset({Check.CALL_MATCH, Check.REPLAY})
_OF_HEADER = frozenset({Check.IDENTITY_PRESENT, Check.HEADER_FORM, Check.INFO_EQUALS_X5U})


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """What a token is by itself, whatever the call and the time: kept, since every hop delivers the same one."""

    passport: Passport | None
    parameters: Parameters | None
    """Of the header that delivered it; ``None`` where they are malformed."""
    noted: tuple[Finding, ...]
    reached: frozenset[Check]
    signer: Signer | None = None


class TokenVerdict(msgspec.Struct, frozen=True, gc=False):
    """The judgement of one Identity header or token (RFC 8224 section 6.2)."""

    judgement: Judgement
    mode: Mode
    judged_at: float
    """Unix seconds: the time at which certificates were judged (now, or ``iat`` for evidence)."""
    more: tuple[Finding, ...] = ()
    """Findings of this time and this header, beside those of the token itself."""
    more_reached: frozenset[Check] = frozenset()
    nested: "TokenVerdict | None" = None
    """The original token inside a div-o."""

    @property
    def passport(self) -> Passport | None:
        """The token, where it could be taken apart."""
        return self.judgement.passport

    @property
    def noted(self) -> tuple[Finding, ...]:
        """Findings that are not plain passes, in the order of the checks."""
        if not self.more:
            return self.judgement.noted
        return tuple(sorted((*self.judgement.noted, *self.more), key=lambda each: each.check))

    @property
    def reached(self) -> frozenset[Check]:
        """Checks that were made; those without a noted finding passed."""
        return self.judgement.reached | self.more_reached

    @property
    def leaf(self) -> Certificate | None:
        """The certificate that signed."""
        return self.judgement.signer.leaf if self.judgement.signer else None

    @property
    def spc(self) -> str:
        """Service Provider Code of the signer."""
        return self.judgement.signer.spc if self.judgement.signer else ""

    @property
    def spc_from_name(self) -> bool:
        """Whether the code was read from the subject's name for want of a readable TNAuthList."""
        return bool(self.judgement.signer and self.judgement.signer.spc_from_name)

    @property
    def path(self) -> tuple[str, ...]:
        """SHA-256 of each certificate of the verified path, leaf first."""
        signer = self.judgement.signer
        return tuple(each.sha256 for each in signer.path.certificates) if signer and signer.path else ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every check in order, also those that passed or were not made."""
        return tuple(self._all())

    def _all(self) -> Iterator[Finding]:
        noted, reached = self.noted, self.reached
        for check in Check:
            found = [each for each in noted if each.check is check]
            if found:
                yield from found
            elif check in reached:
                yield Finding(check, Outcome.PASSED)
            else:
                yield Finding(check, Outcome.NOT_MADE, self._why_not_made(check))

    def _why_not_made(self, check: Check) -> str:
        if check in _OF_CALL:
            return "asked of the call, not of one token"
        if self.judgement.parameters == NO_PARAMETERS and check in _OF_HEADER:
            return "the token came without a header"
        if check is Check.FRESHNESS and self.mode is Mode.EVIDENCE:
            return "not asked of evidence"
        if check is Check.REVOCATION and self.judgement.signer and self.judgement.signer.path:
            return "no revocation list is at hand"
        return "an earlier check left nothing to judge"

    @property
    def reason(self) -> Reason | None:
        """The reason of the first failed check, or ``None``."""
        return next((each.reason for each in self.noted if each.outcome is Outcome.FAILED), None)

    @property
    def result(self) -> Result:
        """Valid, invalid, or not for us to judge."""
        if self.reason is Reason.EXTENSION_UNSUPPORTED:
            return Result.UNSUPPORTED
        return Result.VALID if self.reason is None else Result.INVALID

    @property
    def ppt(self) -> str:
        """The PASSporT extension, "" for the plain form."""
        return (self.passport.header.ppt or "") if self.passport else ""

    @property
    def claims(self) -> dict[str, Any]:
        """The claims as received; none where the token could not be read."""
        return self.passport.claims if self.passport else {}

    def claim(self, name: str) -> Any:
        """Return one claim as received, or ``None``."""
        return self.claims.get(name)

    @property
    def signature_holds(self) -> bool:
        """Whether the signature check was made and passed, whatever else failed."""
        return Check.SIGNATURE in self.reached and all(
            each.check is not Check.SIGNATURE or each.outcome is not Outcome.FAILED for each in self.noted
        )

    def as_json(self) -> dict[str, Any]:
        """Return the verdict for machines: the form of the command line and the API."""
        return {
            "result": self.result,
            "reason": self.reason,
            "sip_status": sip_status(self.reason),
            "sip_statuses": sip_statuses(self.reason),
            "verstat": verstat(self.reason),
            "mode": self.mode,
            "judged_at": self.judged_at,
            "ppt": self.ppt,
            "spc": self.spc,
            "spc_from_name": self.spc_from_name,
            "x5u": self.passport.header.x5u if self.passport else "",
            "claims": self.claims,
            "certificate_sha256": self.leaf.sha256 if self.leaf else "",
            "path_sha256": list(self.path),
            "checks": [_as_json(each) for each in self.findings],
            "nested": self.nested.as_json() if self.nested else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CallVerdict:
    """The judgement of a call (RFC 8224 section 6.2): each of its tokens, and what they say together."""

    tokens: tuple[TokenVerdict, ...]
    noted: tuple[Finding, ...] = ()
    """Findings about the call as a whole: no header, numbers that do not match, a broken diversion chain."""
    reached: frozenset[Check] = frozenset()
    """Checks that were made of the call as a whole; those without a noted finding passed."""
    signers: tuple[str, ...] = ()
    """SPC of each valid signer from the first to the last diversion: each is a hop to be asked."""

    @property
    def reason(self) -> Reason | None:
        """Why the call is not validated, or ``None`` where it is.

        A call is validated by one valid token that matches it. Otherwise the call's own finding, then the first
        token's, is the reason.
        """
        failed = [each.reason for each in self.noted if each.outcome is Outcome.FAILED]
        if failed:
            return failed[0]
        if any(each.result is Result.VALID for each in self.tokens):
            return None
        reasons = [each.reason for each in self.tokens if each.result is Result.INVALID]
        return reasons[0] if reasons else Reason.IDENTITY_MISSING

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was asked of the call as a whole, in order."""
        noted = {each.check for each in self.noted}
        passed = [Finding(check, Outcome.PASSED) for check in self.reached if check not in noted]
        return tuple(sorted((*self.noted, *passed), key=lambda each: each.check))

    @property
    def result(self) -> Result:
        """Valid or invalid as a whole."""
        return Result.VALID if self.reason is None else Result.INVALID

    @property
    def verstat(self) -> Verstat:
        """The verstat parameter for the call."""
        return verstat(self.reason)

    @property
    def sip_status(self) -> int:
        """The SIP status by RFC 8224 section 6.2.2."""
        return sip_status(self.reason)

    def as_json(self) -> dict[str, Any]:
        """Return the verdict for machines."""
        return {
            "result": self.result,
            "reason": self.reason,
            "sip_status": self.sip_status,
            "sip_statuses": sip_statuses(self.reason),
            "verstat": self.verstat,
            "signers": list(self.signers),
            "tokens": [each.as_json() for each in self.tokens],
            "checks": [_as_json(each) for each in self.findings],
        }


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "check": int(finding.check),
        "question": finding.question,
        "source": finding.source,
        "outcome": finding.outcome,
        "reason": finding.reason,
        "detail": finding.detail,
    }
