"""Judge Identity headers: every check of the standards, in order, with its outcome.

The verifier fetches nothing and reads no clock: certificates come from a source that the caller gives, the time
is an argument. Malformed input is a verdict, never an exception.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from headwater.stir.certificates import Certificate, CertificateError, Path, TrustList
from headwater.stir.claims import SUPPORTED, canonical_tn, claim_faults, is_uuid, rcd_references
from headwater.stir.diversion import follows, match_call
from headwater.stir.identity import NO_PARAMETERS, Parameters, StirError, parse_identity, split_identities
from headwater.stir.passport import Passport, parse_token, take_apart
from headwater.stir.reasons import Check, Finding, Outcome, Reason
from headwater.stir.replay import ReplayMemory
from headwater.stir.revocation import RevocationList
from headwater.stir.signature import der_signature
from headwater.stir.signer import Signer, constraint_findings, judge_signer
from headwater.stir.verdict import CallVerdict, Judgement, Mode, Result, TokenVerdict

#: Returns the chain that an address holds, leaf first, or raises ``CertificateError`` (unavailable, malformed).
CertificateSource = Callable[[str], Sequence[Certificate]]

# The digest is made apart: handing over the octets costs the library a hash object for each token.
_ECDSA_SHA256 = ec.ECDSA(Prehashed(hashes.SHA256()))
#: Identity headers of one call that are judged; diversions make a handful.
MOST_HEADERS = 32
_SIGNATURE_OCTETS = 64
_NESTING = 4
_OF_HEADER = frozenset({Check.IDENTITY_PRESENT, Check.HEADER_FORM, Check.INFO_EQUALS_X5U})
_OF_TOKEN = frozenset(
    {
        Check.TOKEN_FORM,
        Check.SIZE_AND_JSON,
        Check.TOKEN_HEADER,
        Check.EXTENSION_SUPPORTED,
        Check.X5U_ALLOWED,
        Check.CLAIMS,
        Check.CANONICAL_NUMBERS,
        Check.CERTIFICATE_HAD,
    }
)
_WITH_CERTIFICATE = _OF_TOKEN | {
    Check.CERTIFICATE_PATH,
    Check.TN_AUTH_LIST,
    Check.CLAIM_CONSTRAINTS,
    Check.DELEGATE_SCOPE,
    Check.SIGNATURE,
}
#: [no header was given][no certificate could be had]: checks that were made.
_REACHED = (
    (_OF_HEADER | _WITH_CERTIFICATE, _OF_HEADER | _OF_TOKEN),
    (_WITH_CERTIFICATE, _OF_TOKEN),
)
#: [freshness][revocation]: checks that depend on the time and were made.
_REACHED_NOW = (
    (frozenset[Check](), frozenset({Check.REVOCATION})),
    (frozenset({Check.FRESHNESS}), frozenset({Check.FRESHNESS, Check.REVOCATION})),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What an operator may choose where RFC 8224 and ATIS-1000074 leave the choice."""

    freshness_s: int = 60
    """How far ``iat`` may be from now in live mode (RFC 8224 section 6.2; ATIS-1000074: 60 s)."""
    require_spc: bool = True
    """Refuse a certificate without a readable TNAuthList; otherwise the lack is flagged."""
    judged_tokens: int = 20_000
    """How many judged tokens are remembered, about 1 KiB each: a minute of 300 calls a second."""
    known_signers: int = 50_000
    """How many certificate chains are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What the call itself says, to hold the claims against (RFC 8224 section 6.2). Numbers in any form."""

    calling: str = ""
    """From the P-Asserted-Identity where there is one, else from From (ATIS-1000074 5.3.1)."""
    called: str = ""
    at: float | None = None
    """When the call was made, in Unix seconds, where that is known and another time than that of judging."""


@dataclass(slots=True)
class Verifier:
    """Judges headers and tokens (RFC 8224 section 6.2) against trust lists, with certificates from a source.

    What it judged it remembers, so that trust lists that change need a new verifier; a new revocation list does not.
    Several threads may share one.
    """

    certificates: CertificateSource
    trust: Sequence[TrustList]
    revocation: RevocationList | None = None
    policy: Policy = field(default_factory=Policy)
    replay: ReplayMemory | None = None
    """Tokens met in other calls; ``verify_call`` asks and feeds it."""
    _judged: dict[str, Judgement] = field(default_factory=dict, init=False)
    _signers: dict[str, tuple[tuple[Certificate, ...], Signer]] = field(default_factory=dict, init=False)

    def verify_header(self, value: str, *, now: float, mode: Mode = Mode.LIVE) -> TokenVerdict:
        """Judge one Identity header value by itself; ``verify_call`` also holds it against the call.

        ``now`` is Unix seconds. In evidence mode it is used only for a token without a readable ``iat``.
        """
        judged = self._judged.get(value)
        if judged is None:
            try:
                token, parameters = parse_identity(value)
            except StirError as error:
                judged = _refused(value, error)
            else:
                judged = self._judge(value, token, parameters)
        return self._at(judged, now, mode, _NESTING)

    def verify_token(self, token: str, *, now: float, mode: Mode = Mode.LIVE) -> TokenVerdict:
        """Judge a bare token, as feeds and out-of-band services deliver it: there is no header to hold it against."""
        return self._token(token, now, mode, _NESTING)

    def _token(self, token: str, now: float, mode: Mode, nesting: int) -> TokenVerdict:
        judged = self._judged.get(token) or self._judge(token, token, NO_PARAMETERS)
        return self._at(judged, now, mode, nesting)

    # Checks 3 to 8, 10, 11 and 13 to 18: what the token and its certificate are by themselves.
    def _judge(self, value: str, token: str, given: Parameters) -> Judgement:
        try:
            passport, signed, signature = take_apart(token)
        except StirError as error:
            return _unreadable(given, error)
        header = passport.header
        noted: list[Finding] = []
        # The parameters that a carrier sends agree with the token; only what differs is worth a look.
        if given.info != header.x5u or given.ppt != header.ppt or given.alg != "ES256":
            noted.extend(_header_faults(given, passport))
        if not passport.usual:
            noted.extend(_claims_findings(passport))
        # A refused address is never dereferenced, but a certificate that the case supplies may still be had.
        try:
            signer = self._signer(header.x5u)
        except CertificateError as error:
            # It may be had later: such a judgement is not kept.
            noted.append(Finding(Check.CERTIFICATE_HAD, Outcome.FAILED, str(error), error.reason))
            return _judgement(passport, given, noted, None)
        noted += signer.noted
        if signer.constrained:
            noted += constraint_findings(signer, passport)
        noted += _signature(signed, signature, signer.leaf)
        judgement = _judgement(passport, given, noted, signer)
        if len(self._judged) >= self.policy.judged_tokens:
            self._judged.clear()
        self._judged[value] = judgement
        return judgement

    def _signer(self, x5u: str) -> Signer:
        """Return who signs with the chain at ``x5u``, judged anew only where the source gives another chain."""
        chain = tuple(self.certificates(x5u))
        if not chain:
            raise CertificateError(Reason.CERTIFICATE_UNAVAILABLE, f"there is no certificate at {x5u}")
        known = self._signers.get(x5u)
        if known and known[0] == chain:
            return known[1]
        signer = judge_signer(chain, self.trust, require_spc=self.policy.require_spc)
        if len(self._signers) >= self.policy.known_signers:
            self._signers.clear()
        self._signers[x5u] = chain, signer
        return signer

    # Checks 11, 12 and 20: what the token is at this time.
    def _at(self, judged: Judgement, now: float, mode: Mode, nesting: int) -> TokenVerdict:
        passport, signer = judged.passport, judged.signer
        if passport is None:
            return TokenVerdict(judged, mode, now)
        iat, live = passport.iat, mode is Mode.LIVE
        at = now if live or iat is None else iat
        more: list[Finding] = []
        path = signer.path if signer else None
        if path:
            if not path.not_before <= at <= path.not_after:
                more.append(_certificate_failed(path, at))
            if self.revocation:
                more.extend(_revocation(self.revocation, path, at, mode))
        if live and iat is not None and not -self.policy.freshness_s <= now - iat <= self.policy.freshness_s:
            more.append(_not_fresh(now - iat))
        nested = None
        if passport.header.ppt == "div-o":
            nested, faults = self._nested(passport, now, mode, nesting)
            more.extend(faults)
        reached = _REACHED_NOW[live and iat is not None][path is not None and self.revocation is not None]
        return TokenVerdict(judged, mode, at, tuple(more), reached, nested)

    def _nested(
        self, passport: Passport, now: float, mode: Mode, nesting: int
    ) -> tuple[TokenVerdict | None, list[Finding]]:
        """Judge the original token inside a div-o and hold the two together (RFC 8946 section 5)."""
        claims = passport.claims
        if not isinstance(claims.get("opt"), str):
            return None, []  # said among the claims
        if nesting == 0:
            return None, [_broken(f"tokens nest deeper than {_NESTING}")]
        inner = self._token(claims["opt"], now, mode, nesting - 1)
        if inner.result is not Result.VALID:
            return inner, [_broken(f"the token inside is not valid: {inner.reason}")]
        if not follows(claims, inner):
            return inner, [_broken("div names no destination of the token inside, or orig was changed")]
        return inner, []

    def verify_call(self, values: Sequence[str], call: Call, *, now: float, mode: Mode = Mode.LIVE) -> CallVerdict:
        """Judge every Identity header of a call and hold them against its numbers (RFC 8224 section 6.2, RFC 8946)."""
        headers = [part for value in values for part in split_identities(value)]
        tokens = [self.verify_header(each, now=now, mode=mode) for each in headers[:MOST_HEADERS]]
        verdict = self.together(tokens, call, now=now)
        if len(headers) <= MOST_HEADERS:
            return verdict
        # Each may name another certificate to be fetched: one message must not buy any number of fetches.
        detail = f"the call has {len(headers)} Identity headers; the first {MOST_HEADERS} were judged"
        return replace(verdict, noted=(Finding(Check.IDENTITY_PRESENT, Outcome.FLAGGED, detail), *verdict.noted))

    def together(self, tokens: Sequence[TokenVerdict], call: Call, *, now: float) -> CallVerdict:
        """Hold tokens that were judged apart against the call that they belong to: checks 1, 19 and 21."""
        if not tokens:
            missing = "the call has no Identity header"
            return CallVerdict(
                tokens=(),
                noted=(Finding(Check.IDENTITY_PRESENT, Outcome.FAILED, missing, Reason.IDENTITY_MISSING),),
                reached=frozenset({Check.IDENTITY_PRESENT}),
            )
        called = canonical_tn(call.called)
        valid = [each for each in tokens if each.result is Result.VALID]
        chain, findings = match_call(valid, canonical_tn(call.calling), called)
        reached = {Check.IDENTITY_PRESENT} | ({Check.CALL_MATCH} if chain or findings else set())
        if self.replay:
            at = now if call.at is None else call.at
            # What a diversion continues was rightly used for the number that was diverted.
            new = [each for each in tokens if not any(each is before for before in chain[:-1])]
            findings += _replayed(self.replay, new, called, at)
            reached.add(Check.REPLAY)
        signers = tuple(each.spc for each in chain if each.spc)
        return CallVerdict(tokens=tuple(tokens), noted=tuple(findings), reached=frozenset(reached), signers=signers)


def _judgement(passport: Passport, given: Parameters, noted: list[Finding], signer: Signer | None) -> Judgement:
    if len(noted) > 1:
        noted.sort(key=lambda each: each.check)
    return Judgement(passport, given, tuple(noted), _REACHED[given.info is None][signer is None], signer)


def _unreadable(given: Parameters, error: StirError) -> Judgement:
    before = frozenset[Check]() if given.info is None else frozenset({Check.IDENTITY_PRESENT, Check.HEADER_FORM})
    return Judgement(None, given, (_failed(error),), before | {error.check})


def _refused(value: str, error: StirError) -> Judgement:
    """Return the judgement of a header with malformed parameters; evidence wants to see a readable token in it."""
    findings = [_failed(error)]
    passport = None
    try:
        passport = parse_token(value.partition(";")[0].strip())
    except StirError as inner:
        if inner.reason is Reason.COMPACT_FORM:
            findings.append(_failed(inner))
    return Judgement(passport, None, tuple(findings), frozenset({Check.IDENTITY_PRESENT, error.check}))


def _claims_findings(passport: Passport) -> list[Finding]:
    ppt = passport.header.ppt
    claims, header = passport.claims, passport.header
    noted = [_failed(fault) for fault in header.faults]
    if header.x5u_fault:
        detail = f"{header.x5u!r} may not be fetched: {header.x5u_fault}"
        noted.append(Finding(Check.X5U_ALLOWED, Outcome.FAILED, detail, Reason.X5U_REFUSED))
    if ppt not in SUPPORTED:
        detail = f"the extension {ppt!r} is not judged; the header counts as absent"
        noted.append(Finding(Check.EXTENSION_SUPPORTED, Outcome.FAILED, detail, Reason.EXTENSION_UNSUPPORTED))
    noted.extend(_failed(fault) for fault in claim_faults(claims, ppt))
    origid = claims.get("origid")
    if ppt == "shaken" and origid and not is_uuid(origid):
        noted.append(Finding(Check.CLAIMS, Outcome.FLAGGED, "origid is no UUID (RFC 8588 section 5)"))
    if rcd_references(claims):
        detail = "rcd content behind a URI was not fetched to check its digest"
        noted.append(Finding(Check.CLAIMS, Outcome.FLAGGED, detail))
    if ppt == "msg":
        noted.append(Finding(Check.CLAIMS, Outcome.FLAGGED, "the digest was not held against the message"))
    return noted


def _header_faults(given: Parameters, passport: Passport) -> list[Finding]:
    if given.info is None:
        return []
    found = []
    if given.info != passport.header.x5u:
        detail = f"info is {given.info}, x5u is {passport.header.x5u}"
        found.append(Finding(Check.INFO_EQUALS_X5U, Outcome.FAILED, detail, Reason.INFO_DIFFERS))
    if given.alg is not None and given.alg != "ES256":
        detail = f"the alg parameter is {given.alg!r}, not ES256"
        found.append(Finding(Check.TOKEN_HEADER, Outcome.FAILED, detail, Reason.ALG_NOT_ES256))
    if given.ppt is not None and given.ppt != passport.header.ppt:
        detail = f"the ppt parameter is {given.ppt!r}, in the token {passport.header.ppt!r}"
        found.append(Finding(Check.TOKEN_HEADER, Outcome.FAILED, detail, Reason.PARAMETER_DIFFERS))
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


# Check 21.
def _replayed(memory: ReplayMemory, tokens: Sequence[TokenVerdict], called: str, at: float) -> Iterator[Finding]:
    for token in tokens:
        # A signature that does not hold says nothing about another call.
        if token.passport and token.signature_holds and (how := memory.meet(token.passport.signed, called, at)):
            yield Finding(Check.REPLAY, Outcome.FLAGGED, how, Reason.REPLAYED)


def _failed(error: StirError) -> Finding:
    return Finding(error.check, Outcome.FAILED, str(error), error.reason)


def _broken(detail: str) -> Finding:
    return Finding(Check.CALL_MATCH, Outcome.FAILED, detail, Reason.DIVERSION_BROKEN)


def _certificate_failed(path: Path, at: float) -> Finding:
    try:
        path.check_time(at)
    except CertificateError as error:
        return Finding(Check.CERTIFICATE_PATH, Outcome.FAILED, str(error), error.reason)
    raise AssertionError("the path is valid at that time")  # not_before and not_after say otherwise


# Check 16. RFC 7515 section 3.4: r and s, 32 octets each, over the octets as received.
def _signature(signed: bytes, raw: bytes, leaf: Certificate) -> tuple[Finding, ...]:
    key = leaf.es256_key
    if key is None:
        detail = "the certificate's key cannot make ES256"
        return (Finding(Check.SIGNATURE, Outcome.FAILED, detail, Reason.CERTIFICATE_UNSUITABLE),)
    if len(raw) != _SIGNATURE_OCTETS:
        detail = f"the signature has {len(raw)} octets, not 64"
        return (Finding(Check.SIGNATURE, Outcome.FAILED, detail, Reason.SIGNATURE_MALFORMED),)
    try:
        key.verify(der_signature(raw), sha256(signed).digest(), _ECDSA_SHA256)
    except InvalidSignature:
        return (Finding(Check.SIGNATURE, Outcome.FAILED, "the signature does not verify", Reason.SIGNATURE_INVALID),)
    return ()
