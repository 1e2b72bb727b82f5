"""Who signed: a certificate chain, what it may speak for, and whether a token keeps to that."""

from collections.abc import Iterator, Sequence

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from headwater.stir.certificates import (
    AUTHORITY_KEY_ID,
    POLICIES,
    Certificate,
    CertificateError,
    Path,
    TrustList,
)
from headwater.stir.passport import Passport
from headwater.stir.reasons import Check, Finding, Outcome, Reason
from headwater.stir.tn_auth_list import TnAuthList


class Signer(msgspec.Struct, frozen=True):
    """A certificate chain: its path and what it allows, judged once."""

    leaf: Certificate
    path: Path | None
    spc: str
    """Service Provider Code, upper case; "" for a delegate certificate and where none can be read."""
    spc_from_name: bool
    """The code stands in the subject's name alone: the TNAuthList could not be read."""
    noted: tuple[Finding, ...]
    delegate: TnAuthList | None
    authorities: tuple[Certificate, ...]
    constrained: bool
    """Whether claim constraints or a delegate's scope must be held against each token."""


def judge_signer(chain: Sequence[Certificate], trust: Sequence[TrustList], *, require_spc: bool) -> Signer:
    """Judge ``chain``, leaf first, whatever the time and the token: checks 11 and 13.

    Without ``require_spc`` a leaf without one readable provider code is flagged and not refused.
    """
    leaf = chain[0]
    path, noted = _path(leaf, chain[1:], trust)
    spc, from_name, unlisted = _provider(leaf, require_spc=require_spc)
    authorities = path.certificates[1:] if path else ()
    listed = leaf.tn_auth_list
    delegate = listed if isinstance(listed, TnAuthList) and listed.is_delegate else None
    noted += unlisted
    if not delegate and any(each.tn_auth_list is not None for each in authorities):
        detail = "an authority above a provider's certificate has a TNAuthList"
        noted.append(Finding(Check.TN_AUTH_LIST, Outcome.FAILED, detail, Reason.TN_AUTH_LIST_MALFORMED))
    constrained = delegate is not None or any(each.has_claim_constraints for each in (leaf, *authorities))
    return Signer(leaf, path, spc, from_name, tuple(noted), delegate, authorities, constrained)


# Check 11, but for the time.
def _path(
    leaf: Certificate, rest: Sequence[Certificate], trust: Sequence[TrustList]
) -> tuple[Path | None, list[Finding]]:
    error = CertificateError(Reason.CERTIFICATE_UNTRUSTED, "no trust list is configured")
    for listed in trust:
        try:
            path = listed.path(leaf, rest)
        except CertificateError as why:
            error = why
        else:
            odd = "; ".join(_deviations(path.certificates))
            return path, [Finding(Check.CERTIFICATE_PATH, Outcome.FLAGGED, odd)] if odd else []
    return None, [Finding(Check.CERTIFICATE_PATH, Outcome.FAILED, str(error), error.reason)]


def _deviations(chain: Sequence[Certificate]) -> Iterator[str]:
    """Yield what departs from the profile and bears on the chain; all of the profile is ``conformance``."""
    for certificate in chain[1:]:
        key = certificate.key
        if isinstance(key, rsa.RSAPublicKey):
            yield f"authority {certificate.common_name}: RSA key (ATIS-1000080: P-256)"
        elif isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(key.curve, ec.SECP256R1):
            yield f"authority {certificate.common_name}: key on {key.curve.name} (ATIS-1000080: P-256)"
        if certificate.tn_auth_list is not None:
            yield f"authority {certificate.common_name}: has a TNAuthList"
    if POLICIES not in chain[0].extensions:
        yield "leaf: no certificate policy"
    if AUTHORITY_KEY_ID not in chain[0].extensions:
        yield "leaf: no authority key identifier"


# Check 13.
def _provider(leaf: Certificate, *, require_spc: bool) -> tuple[str, bool, list[Finding]]:
    listed = leaf.tn_auth_list
    if isinstance(listed, TnAuthList):
        if listed.is_delegate:
            return "", False, []
        if len(listed.spcs) == 1 and not listed.ranges:
            return listed.spcs[0].upper(), False, []
        why, reason = "the TNAuthList names more than one provider code", Reason.TN_AUTH_LIST_MALFORMED
    elif listed is None:
        why, reason = "the leaf has no TNAuthList", Reason.TN_AUTH_LIST_MISSING
    else:
        why, reason = str(listed), listed.reason
    words = leaf.common_name.split()
    from_name = words[words.index("SHAKEN") + 1].upper() if "SHAKEN" in words[:-1] else ""
    outcome = Outcome.FAILED if require_spc else Outcome.FLAGGED
    return from_name, bool(from_name), [Finding(Check.TN_AUTH_LIST, outcome, why, reason)]


def constraint_findings(signer: Signer, passport: Passport) -> Iterator[Finding]:
    """Yield where ``passport`` goes beyond what its certificates allow: checks 14 and 15."""
    claims = passport.claims
    for certificate in (signer.leaf, *signer.authorities):
        try:
            broken = [why for each in certificate.claim_constraints if (why := each.broken_by(claims))]
        except CertificateError as error:
            yield Finding(Check.CLAIM_CONSTRAINTS, Outcome.FAILED, str(error), error.reason)
        else:
            for why in broken:
                yield Finding(Check.CLAIM_CONSTRAINTS, Outcome.FAILED, why, Reason.CLAIM_CONSTRAINED)
    if signer.delegate:
        for why in _beyond_scope(signer, signer.delegate, passport):
            yield Finding(Check.DELEGATE_SCOPE, Outcome.FAILED, why, Reason.DELEGATE_OUT_OF_SCOPE)


# Check 15. RFC 9060: a delegate certificate speaks for its numbers alone, within its parent's.
def _beyond_scope(signer: Signer, scope: TnAuthList, passport: Passport) -> Iterator[str]:
    orig = passport.claims.get("orig")
    tn = orig.get("tn") if isinstance(orig, dict) else None
    if not isinstance(tn, str) or not scope.covers(tn):
        yield "the delegate certificate does not cover the calling number"
    if passport.header.ppt == "shaken":
        yield "a delegate certificate makes no SHAKEN attestation (ATIS-1000092)"
    above = [each.tn_auth_list for each in signer.authorities if isinstance(each.tn_auth_list, TnAuthList)]
    for child, parent in zip([scope, *above], above, strict=False):
        if not child.within(parent):
            yield "the delegate certificate goes beyond its parent's scope"
    if not above:
        yield "no certificate above the delegate grants its numbers"
