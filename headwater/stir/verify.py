"""Judge Identity headers: every check of the standards, in order, with its outcome.

The verifier fetches nothing and reads no clock: certificates come from a source that the caller gives, the time
is an argument. Malformed input is a verdict, never an exception.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from headwater.stir.certificates import Certificate, CertificateError, Path, TrustList
from headwater.stir.identity import IdentityHeader, StirError, parse_identity, split_identities
from headwater.stir.passport import (
    SUPPORTED,
    Passport,
    are_usual_claims,
    canonical_tn,
    claim_faults,
    is_uuid,
    parse_token,
    rcd_references,
    x5u_fault,
)
from headwater.stir.reasons import Check, Reason
from headwater.stir.revocation import RevocationList
from headwater.stir.tn_auth_list import TnAuthList
from headwater.stir.verdict import CallVerdict, Finding, Judgement, Mode, Outcome, Result, Signer, TokenVerdict

#: Returns the chain that an address holds, leaf first, or raises ``CertificateError`` (unavailable, malformed).
CertificateSource = Callable[[str], Sequence[Certificate]]

_ECDSA_SHA256 = ec.ECDSA(hashes.SHA256())
_SIGNATURE_OCTETS = 64
_NESTING = 4
_MADE_FROM_TOKEN = frozenset(
    {
        Check.IDENTITY_PRESENT,
        Check.HEADER_FORM,
        Check.TOKEN_FORM,
        Check.SIZE_AND_JSON,
        Check.TOKEN_HEADER,
        Check.EXTENSION_SUPPORTED,
        Check.X5U_ALLOWED,
        Check.CLAIMS,
        Check.CANONICAL_NUMBERS,
    }
)
_MADE_WITH_CERTIFICATE = frozenset(
    {
        Check.CERTIFICATE_HAD,
        Check.CERTIFICATE_PATH,
        Check.TN_AUTH_LIST,
        Check.CLAIM_CONSTRAINTS,
        Check.DELEGATE_SCOPE,
        Check.SIGNATURE,
    }
)
_MADE_UNTIL_CERTIFICATE = _MADE_FROM_TOKEN | {Check.INFO_EQUALS_X5U, Check.CERTIFICATE_HAD}
_LIVE, _REVOCATION, _NOTHING_MORE = frozenset({Check.FRESHNESS}), frozenset({Check.REVOCATION}), frozenset[Check]()
_LIVE_AND_REVOCATION = _LIVE | _REVOCATION
_ALL_OFFLINE = _MADE_FROM_TOKEN | _MADE_WITH_CERTIFICATE | {Check.INFO_EQUALS_X5U}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What an operator may choose."""

    freshness_s: int = 60
    """How far ``iat`` may be from now in live mode (RFC 8224 section 6.2; ATIS-1000074: 60 s)."""
    require_spc: bool = True
    """Refuse a certificate without a readable TNAuthList; otherwise the lack is flagged."""
    judged_tokens: int = 100_000
    """How many judged tokens are remembered."""
    known_signers: int = 50_000
    """How many certificate chains are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What the call itself says, to hold the claims against. Numbers in any form."""

    calling: str = ""
    """From the P-Asserted-Identity where there is one, else from From (ATIS-1000074 5.3.1)."""
    called: str = ""


@dataclass(slots=True)
class Verifier:
    """Judges tokens against trust lists, with certificates from ``certificates``."""

    certificates: CertificateSource
    trust: Sequence[TrustList]
    revocation: RevocationList | None = None
    policy: Policy = field(default_factory=Policy)
    _judged: dict[str, Judgement] = field(default_factory=dict, init=False)
    _signers: dict[str, Signer] = field(default_factory=dict, init=False)

    def verify_header(self, value: str, *, now: float, mode: Mode = Mode.LIVE) -> TokenVerdict:
        """Judge one Identity header value by itself; ``verify_call`` also holds it against the call.

        ``now`` is Unix seconds. In evidence mode it is used only for a token without a readable ``iat``.
        """
        judged = self._judged.get(value)
        if judged is not None:
            return self._at(judged, now, mode, _NESTING)
        try:
            header = parse_identity(value)
        except StirError as error:
            return self._refused(value, error, now, mode)
        return self._first(value, header, now, mode, _NESTING)

    def verify_token(self, token: str, *, now: float, mode: Mode = Mode.LIVE) -> TokenVerdict:
        """Judge a bare token, as feeds and out-of-band services deliver it: there is no header to hold it against."""
        return self._token(token, now, mode, _NESTING)

    def _token(self, token: str, now: float, mode: Mode, nesting: int) -> TokenVerdict:
        judged = self._judged.get(token)
        return (
            self._at(judged, now, mode, nesting)
            if judged
            else self._first(token, IdentityHeader(token), now, mode, nesting)
        )

    def _first(self, value: str, header: IdentityHeader, now: float, mode: Mode, nesting: int) -> TokenVerdict:
        """Judge a token that was not met before."""
        try:
            judged = self._judge(value, header)
        except StirError as error:
            reached = frozenset({Check.IDENTITY_PRESENT, Check.HEADER_FORM, error.check})
            return TokenVerdict(Judgement(None, header, (_failed(error),), reached), mode, now)
        return self._at(judged, now, mode, nesting)

    def _refused(self, value: str, error: StirError, now: float, mode: Mode) -> TokenVerdict:
        reached = {Check.IDENTITY_PRESENT, error.check}
        findings = [_failed(error)]
        token = value.partition(";")[0].strip()
        passport = None
        # A header with malformed parameters may still hold a readable token: evidence wants to see it.
        try:
            passport = parse_token(token)
        except StirError as inner:
            if inner.reason is Reason.COMPACT_FORM:
                findings.append(_failed(inner))
        return TokenVerdict(Judgement(passport, None, tuple(findings), frozenset(reached)), mode, now)

    def _at(self, judged: Judgement, now: float, mode: Mode, nesting: int) -> TokenVerdict:
        """Add to what a token is by itself what it is at this time: path, revocation, freshness."""
        passport, signer = judged.passport, judged.signer
        iat = judged.iat
        at = now if iat is None or mode is Mode.LIVE else iat
        more: list[Finding] = []
        path = signer.path if signer else None
        if path:
            if not path.not_before <= at <= path.not_after:
                more.append(_certificate_failed(Check.CERTIFICATE_PATH, path, at))
            if self.revocation:
                more.extend(_revocation(self.revocation, path, at, mode))
        if (
            mode is Mode.LIVE
            and iat is not None
            and not -self.policy.freshness_s <= now - iat <= self.policy.freshness_s
        ):
            more.append(_not_fresh(now - iat))
        nested = None
        if passport and passport.header.ppt == "div-o" and isinstance(passport.claims.get("opt"), str):
            nested, faults = self._nested(passport, now, mode, nesting)
            more.extend(faults)
        return TokenVerdict(judged, mode, at, tuple(more), self._reached(mode, signer), nested)

    def _reached(self, mode: Mode, signer: Signer | None) -> frozenset[Check]:
        if mode is Mode.LIVE:
            return _LIVE_AND_REVOCATION if self.revocation and signer and signer.path else _LIVE
        return _REVOCATION if self.revocation and signer and signer.path else _NOTHING_MORE

    # Checks 3 to 6, 8, 10, 11, 13 to 18: what the token and its certificate are by themselves.
    def _judge(self, value: str, given: IdentityHeader) -> Judgement:
        passport = parse_token(given.token)
        noted: list[Finding] = []
        header = passport.header
        # The parameters that a carrier sends agree with the token; only what differs is worth a look.
        if given.info != header.x5u or given.ppt != header.ppt or given.alg != "ES256":
            noted.extend(_header_faults(given, passport))
        if header.faults or header.ppt != "shaken" or not are_usual_claims(passport.claims):
            noted.extend(_claims_findings(passport))
        x5u = header.x5u
        if why := x5u_fault(x5u):
            noted.append(
                Finding(Check.X5U_ALLOWED, Outcome.FAILED, f"{x5u!r} may not be fetched: {why}", Reason.X5U_REFUSED)
            )
        signer = None
        reached = _MADE_FROM_TOKEN
        # A refused address is never dereferenced, but a certificate that the case supplies may still be had.
        try:
            signer = self._signer(self.certificates(x5u))
        except CertificateError as error:
            reached = _MADE_UNTIL_CERTIFICATE
            noted.append(Finding(Check.CERTIFICATE_HAD, Outcome.FAILED, str(error), error.reason))
        if not signer:
            # A certificate that could not be had now may be had later: such a judgement is not kept.
            noted.sort(key=lambda each: each.check)
            return Judgement(passport, given, tuple(noted), reached, None, _iat(passport))
        if signer.noted:
            noted.extend(signer.noted)
        if signer.constrained:
            noted.extend(_constraints(signer, passport))
        if failure := _signature(passport, signer.leaf):
            noted.extend(failure)
        if len(noted) > 1:
            noted.sort(key=lambda each: each.check)
        return self._keep(value, Judgement(passport, given, tuple(noted), _ALL_OFFLINE, signer, _iat(passport)))

    def _keep(self, value: str, judgement: Judgement) -> Judgement:
        if len(self._judged) >= self.policy.judged_tokens:
            self._judged.clear()
        self._judged[value] = judgement
        return judgement

    def _signer(self, chain: Sequence[Certificate]) -> Signer:
        key = chain[0].sha256 if len(chain) == 1 else "".join([each.sha256 for each in chain])
        if known := self._signers.get(key):
            return known
        leaf = chain[0]
        path, noted = self._path(leaf, chain[1:])
        spc, from_name, more = _provider(leaf, self.policy)
        authorities = path.certificates[1:] if path else ()
        listed = leaf.tn_auth_list
        delegate = listed if isinstance(listed, TnAuthList) and listed.is_delegate else None
        if not delegate and any(each.tn_auth_list is not None for each in authorities):
            detail = "an authority above a provider's certificate has a TNAuthList"
            more = (*more, Finding(Check.TN_AUTH_LIST, Outcome.FAILED, detail, Reason.TN_AUTH_LIST_MALFORMED))
        constrained = delegate is not None or any(each.has_claim_constraints for each in (leaf, *authorities))
        signer = Signer(leaf, path, spc, from_name, (*noted, *more), delegate, authorities, constrained)
        if len(self._signers) >= self.policy.known_signers:
            self._signers.clear()
        self._signers[key] = signer
        return signer

    def _path(self, leaf: Certificate, rest: Sequence[Certificate]) -> tuple[Path | None, list[Finding]]:
        error = CertificateError(Reason.CERTIFICATE_UNTRUSTED, "no trust list is configured")
        for trust in self.trust:
            try:
                path = trust.path(leaf, rest)
            except CertificateError as why:
                error = why
            else:
                odd = "; ".join(path.deviations)
                return path, [Finding(Check.CERTIFICATE_PATH, Outcome.FLAGGED, odd)] if odd else []
        return None, [Finding(Check.CERTIFICATE_PATH, Outcome.FAILED, str(error), error.reason)]

    def _nested(
        self, passport: Passport, now: float, mode: Mode, nesting: int
    ) -> tuple[TokenVerdict | None, list[Finding]]:
        """Judge the original token inside a div-o and hold the two together (RFC 8946 section 5)."""
        if nesting == 0:
            detail = f"tokens nest deeper than {_NESTING}"
            return None, [Finding(Check.CALL_MATCH, Outcome.FAILED, detail, Reason.DIVERSION_BROKEN)]
        inner = self._token(passport.claims["opt"], now, mode, nesting - 1)
        if inner.result is not Result.VALID:
            detail = f"the token inside is not valid: {inner.reason}"
            return inner, [Finding(Check.CALL_MATCH, Outcome.FAILED, detail, Reason.DIVERSION_BROKEN)]
        if not _follows(passport.claims, inner):
            detail = "div names no destination of the token inside, or orig was changed"
            return inner, [Finding(Check.CALL_MATCH, Outcome.FAILED, detail, Reason.DIVERSION_BROKEN)]
        return inner, []

    def verify_call(self, values: Sequence[str], call: Call, *, now: float, mode: Mode = Mode.LIVE) -> CallVerdict:
        """Judge every Identity header of a call and hold them against its numbers (RFC 8224 section 6.2, RFC 8946)."""
        headers = [part for value in values for part in split_identities(value)]
        if not headers:
            missing = Finding(
                Check.IDENTITY_PRESENT, Outcome.FAILED, "the call has no Identity header", Reason.IDENTITY_MISSING
            )
            return CallVerdict(tokens=(), noted=(missing,))
        tokens = tuple(self.verify_header(header, now=now, mode=mode) for header in headers)
        valid = [each for each in tokens if each.result is Result.VALID]
        chain, findings = _match(valid, canonical_tn(call.calling), canonical_tn(call.called))
        return CallVerdict(tokens=tokens, noted=tuple(findings), signers=tuple(each.spc for each in chain if each.spc))


def _claims_findings(passport: Passport) -> list[Finding]:
    ppt = passport.header.ppt
    noted = [_failed(fault) for fault in passport.header.faults]
    if ppt not in SUPPORTED:
        detail = f"the extension {ppt!r} is not judged; the header counts as absent"
        noted.append(Finding(Check.EXTENSION_SUPPORTED, Outcome.FAILED, detail, Reason.EXTENSION_UNSUPPORTED))
    noted.extend(_failed(fault) for fault in claim_faults(passport.claims, ppt))
    origid = passport.claims.get("origid")
    if ppt == "shaken" and origid and not is_uuid(origid):
        noted.append(Finding(Check.CLAIMS, Outcome.FLAGGED, "origid is no UUID (RFC 8588 section 5)"))
    if rcd_references(passport.claims):
        detail = "rcd content behind a URI was not fetched to check its digest"
        noted.append(Finding(Check.CLAIMS, Outcome.FLAGGED, detail))
    return noted


def _header_faults(header: IdentityHeader, passport: Passport) -> list[Finding]:
    if header.info is None:
        return []
    found = []
    if header.info != passport.header.x5u:
        detail = f"info is {header.info}, x5u is {passport.header.x5u}"
        found.append(Finding(Check.INFO_EQUALS_X5U, Outcome.FAILED, detail, Reason.INFO_DIFFERS))
    if header.alg is not None and header.alg != "ES256":
        detail = f"the alg parameter is {header.alg!r}, not ES256"
        found.append(Finding(Check.TOKEN_HEADER, Outcome.FAILED, detail, Reason.ALG_NOT_ES256))
    if header.ppt is not None and header.ppt != passport.header.ppt:
        detail = f"the ppt parameter is {header.ppt!r}, in the token {passport.header.ppt!r}"
        found.append(Finding(Check.TOKEN_HEADER, Outcome.FAILED, detail, Reason.PARAMETER_DIFFERS))
    return found


# Check 14.
def _constraints(signer: Signer, passport: Passport) -> list[Finding]:
    found = []
    for certificate in (signer.leaf, *signer.authorities):
        try:
            for constraints in certificate.claim_constraints:
                why = constraints.broken_by(passport.claims)
                found += (
                    [Finding(Check.CLAIM_CONSTRAINTS, Outcome.FAILED, why, Reason.CLAIM_CONSTRAINED)] if why else []
                )
        except CertificateError as error:
            found.append(Finding(Check.CLAIM_CONSTRAINTS, Outcome.FAILED, str(error), error.reason))
    if signer.delegate:
        found.extend(_delegate(signer, signer.delegate, passport))
    return found


# Check 12.
def _revocation(revocation: RevocationList, path: Path, at: float, mode: Mode) -> list[Finding]:
    found = []
    for certificate in path.certificates:
        revoked_at = revocation.revoked_at(certificate)
        if revoked_at is None:
            continue
        name = certificate.common_name or certificate.sha256[:16]
        if mode is Mode.EVIDENCE and revoked_at > at:
            detail = f"{name} was valid when it signed and was revoked later, at Unix time {revoked_at}"
            found.append(Finding(Check.REVOCATION, Outcome.FLAGGED, detail))
        else:
            detail = f"{name} was revoked at Unix time {revoked_at}"
            found.append(Finding(Check.REVOCATION, Outcome.FAILED, detail, Reason.CERTIFICATE_REVOKED))
    if not found and revocation.next_update and at > revocation.next_update:
        detail = f"the revocation list is of Unix time {revocation.this_update}; a newer one is due"
        found.append(Finding(Check.REVOCATION, Outcome.FLAGGED, detail))
    return found


# Check 20.
def _not_fresh(age: float) -> Finding:
    if age > 0:
        return Finding(Check.FRESHNESS, Outcome.FAILED, f"signed {age:.0f} s ago", Reason.STALE)
    return Finding(Check.FRESHNESS, Outcome.FAILED, f"signed {-age:.0f} s in the future", Reason.FROM_THE_FUTURE)


def _iat(passport: Passport) -> float | None:
    iat = passport.claims.get("iat")
    return iat if type(iat) is int or type(iat) is float else None


def _failed(error: StirError) -> Finding:
    return Finding(error.check, Outcome.FAILED, str(error), error.reason)


def _certificate_failed(check: Check, path: Path, at: float) -> Finding:
    try:
        path.check_time(at)
    except CertificateError as error:
        return Finding(check, Outcome.FAILED, str(error), error.reason)
    raise AssertionError("the path is valid at that time")  # not_before and not_after say otherwise


# Check 16. RFC 7515 section 3.4: r and s, 32 octets each, over the octets as received.
def _signature(passport: Passport, leaf: Certificate) -> tuple[Finding, ...]:
    raw = passport.signature
    key = leaf.es256_key
    if key is None:
        detail = "the certificate's key cannot make ES256"
        return (Finding(Check.SIGNATURE, Outcome.FAILED, detail, Reason.CERTIFICATE_UNSUITABLE),)
    if len(raw) != _SIGNATURE_OCTETS:
        detail = f"the signature has {len(raw)} octets, not 64"
        return (Finding(Check.SIGNATURE, Outcome.FAILED, detail, Reason.SIGNATURE_MALFORMED),)
    # r and s of zero or beyond the order are refused by the library (FIPS 186-5 section 6.4.2).
    signature = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    try:
        key.verify(signature, passport.signed, _ECDSA_SHA256)
    except InvalidSignature:
        return (Finding(Check.SIGNATURE, Outcome.FAILED, "the signature does not verify", Reason.SIGNATURE_INVALID),)
    return ()


# Check 13.
def _provider(leaf: Certificate, policy: Policy) -> tuple[str, bool, tuple[Finding, ...]]:
    listed = leaf.tn_auth_list
    if isinstance(listed, TnAuthList):
        if listed.is_delegate:
            return "", False, ()
        if len(listed.spcs) == 1 and not listed.ranges:
            return listed.spcs[0].upper(), False, ()
        why, reason = "the TNAuthList names more than one provider code", Reason.TN_AUTH_LIST_MALFORMED
    elif listed is None:
        why, reason = "the leaf has no TNAuthList", Reason.TN_AUTH_LIST_MISSING
    else:
        why, reason = str(listed), listed.reason
    words = leaf.common_name.split()
    from_name = words[words.index("SHAKEN") + 1].upper() if "SHAKEN" in words[:-1] else ""
    outcome = Outcome.FAILED if policy.require_spc else Outcome.FLAGGED
    return from_name, bool(from_name), (Finding(Check.TN_AUTH_LIST, outcome, why, reason),)


# Check 15. RFC 9060: a delegate certificate speaks for its numbers alone, within its parent's.
def _delegate(signer: Signer, scope: TnAuthList, passport: Passport) -> list[Finding]:
    found = []
    orig = passport.claims.get("orig")
    tn = orig.get("tn") if isinstance(orig, dict) else None
    if not isinstance(tn, str) or not scope.covers(tn):
        found.append("the delegate certificate does not cover the calling number")
    if passport.header.ppt == "shaken":
        found.append("a delegate certificate makes no SHAKEN attestation (ATIS-1000092)")
    above = [each.tn_auth_list for each in signer.authorities if isinstance(each.tn_auth_list, TnAuthList)]
    for child, parent in zip([scope, *above], above, strict=False):
        if not child.within(parent):
            found.append("the delegate certificate goes beyond its parent's scope")
    if not above:
        found.append("no certificate above the delegate grants its numbers")
    return [Finding(Check.DELEGATE_SCOPE, Outcome.FAILED, why, Reason.DELEGATE_OUT_OF_SCOPE) for why in found]


def _destinations(claims: dict[str, Any]) -> set[str]:
    dest = claims.get("dest")
    return {each for values in dest.values() for each in values} if isinstance(dest, dict) else set()


def _follows(claims: dict[str, Any], before: TokenVerdict) -> bool:
    """Tell whether a div token continues ``before``: it diverts one of its destinations and keeps its orig."""
    div = claims.get("div")
    diverted = {div.get("tn"), div.get("uri")} if isinstance(div, dict) else set()
    return bool(diverted & _destinations(before.passport.claims if before.passport else {})) and claims.get(
        "orig"
    ) == before.claim("orig")


# Check 19.
def _match(valid: Sequence[TokenVerdict], calling: str, called: str) -> tuple[list[TokenVerdict], list[Finding]]:
    """Return the chain of tokens from the first signer to the called number, and what does not fit."""
    first = [each for each in valid if not each.ppt.startswith("div")] or [each.nested for each in valid if each.nested]
    if not first:
        if valid:
            detail = "there are diversions but no token of the original call"
            return [], [Finding(Check.CALL_MATCH, Outcome.FAILED, detail, Reason.DIVERSION_BROKEN)]
        return [], []
    start = next((each for each in first if each.ppt == "shaken"), first[0])
    chain, findings = [start], []
    diversions = [each for each in valid if each.ppt.startswith("div")]
    while nexts := [each for each in diversions if _follows(each.passport.claims if each.passport else {}, chain[-1])]:
        chain.append(nexts[0])
        diversions.remove(nexts[0])
    if diversions:
        detail = "a diversion continues no other token of the call"
        findings.append(Finding(Check.CALL_MATCH, Outcome.FAILED, detail, Reason.DIVERSION_BROKEN))
    orig = start.claim("orig")
    if calling and isinstance(orig, dict) and orig.get("tn") != calling:
        detail = "the signed calling number is not the call's"
        findings.append(Finding(Check.CALL_MATCH, Outcome.FAILED, detail, Reason.ORIG_DIFFERS))
    last = chain[-1].passport
    if called and last and called not in _destinations(last.claims):
        detail = "the signed destination is not the called number"
        findings.append(Finding(Check.CALL_MATCH, Outcome.FAILED, detail, Reason.DEST_DIFFERS))
    return chain, findings
