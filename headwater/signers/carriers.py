"""A carrier that proves itself by its own STI certificate: the pattern of the STI-CPS (ATIS-1000096).

The token's header names the certificate: ``x5c`` carries the chain (RFC 7515 section 4.1.6), ``x5u`` names an address
whose certificate is in the archive already. Nothing is fetched for a request: what a stranger names is not asked for.
The chain must lead to an authority of the trust lists, be valid now, not revoked, and hold one Service Provider Code.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import structlog
from cryptography.hazmat.primitives.asymmetric import ec

from headwater.errors import HeadwaterError
from headwater.providers import queries as providers
from headwater.providers.queries import KeyView
from headwater.providers.signatures import BadToken, Refusal
from headwater.signers import queries
from headwater.signers.models import Address
from headwater.signers.models import Certificate as Archived
from headwater.stir.certificates import Certificate, CertificateError, TrustList, parse_certificate, parse_pem_chain
from headwater.stir.revocation import RevocationList, parse_revocation_list
from headwater.stir.signer import judge_signer
from headwater.stir.trust import load_trust

#: Certificates of one chain, and octets of one.
MOST: Final = 4
LONGEST: Final = 8_192
TRUST: Final = "trust"
CRL: Final = "crl.pem"
CRL_SIGNER: Final = "crl-signer.pem"

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Read:
    """Files of trust as they were read, and what tells that they changed."""

    mark: tuple[tuple[str, float], ...] = ()
    trust: Sequence[TrustList] = ()
    revoked: RevocationList | None = None


_read = _Read()


def _trust(home: Path) -> _Read:
    """Return trust and revocation lists, read again where a file changed; the old stay where a new one is bad."""
    global _read  # noqa: PLW0603 - one reading a process
    place = home / TRUST
    files = sorted(one for one in place.rglob("*") if one.is_file()) if place.exists() else []
    mark = tuple((str(one), one.stat().st_mtime) for one in files)
    if mark != _read.mark:
        try:
            crl, signer = place / CRL, place / CRL_SIGNER
            revoked = None
            if crl.is_file() and signer.is_file():
                revoked = parse_revocation_list(crl.read_bytes(), parse_pem_chain(signer.read_bytes())[0])
            _read = _Read(mark=mark, trust=load_trust(place), revoked=revoked)
        except (CertificateError, HeadwaterError, OSError, IndexError) as error:
            log.warning("trust not read, the old one stays", error=str(error))
            _read.mark = mark
    return _read


def names_certificate(header: Mapping[str, Any]) -> bool:
    """Tell whether a token's header names a certificate instead of a registered key."""
    return "x5c" in header or "x5u" in header


def key_of(header: Mapping[str, Any], *, home: Path, now: datetime) -> KeyView:
    """Return the key of the certificate that a token's header names, with the provider that it speaks for.

    Args:
        header: Of the token, read and not verified yet.
        home: The data directory: trust lists lie in ``trust/``.
        now: At which the chain must be valid.

    Raises:
        BadToken: no such certificate, no approved chain, not valid now, revoked, or no provider of its code.
    """
    chain = _carried(header["x5c"]) if "x5c" in header else _archived(header.get("x5u"))
    lists = _trust(home)
    judged = judge_signer(chain, lists.trust, require_spc=True)
    if judged.path is None or not judged.spc or judged.spc_from_name or judged.delegate is not None:
        raise BadToken(Refusal.UNTRUSTED_CERTIFICATE)
    try:
        judged.path.check_time(now.timestamp())
    except CertificateError:
        raise BadToken(Refusal.UNTRUSTED_CERTIFICATE) from None
    if _revoked(judged.path.certificates, lists.revoked, now):
        raise BadToken(Refusal.REVOKED_CERTIFICATE)
    provider = providers.by_spc(judged.spc)
    if provider is None:
        raise BadToken(Refusal.UNKNOWN_PROVIDER)
    leaf = chain[0]
    return KeyView(
        key_id=leaf.sha256,
        public_jwk=_jwk(leaf),
        provider=provider,
        valid_from=datetime.fromtimestamp(judged.path.not_before, UTC),
        revoked_at=None,
    )


def _carried(value: Any) -> list[Certificate]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST:
        raise BadToken(Refusal.MALFORMED)
    found = []
    for text in value:
        if not isinstance(text, str) or len(text) > LONGEST:
            raise BadToken(Refusal.MALFORMED)
        try:
            found.append(parse_certificate(base64.b64decode(text, validate=True)))
        except (CertificateError, binascii.Error, ValueError):
            raise BadToken(Refusal.MALFORMED) from None
    return found


def _archived(x5u: Any) -> list[Certificate]:
    if not isinstance(x5u, str) or len(x5u) > 2_048:
        raise BadToken(Refusal.MALFORMED)
    row = Address.objects.filter(x5u=x5u).order_by("-last_had_at").first()
    if row is None:
        raise BadToken(Refusal.UNKNOWN_CERTIFICATE)
    octets = queries.octets(row.chain[:MOST])
    try:
        return [parse_certificate(octets[digest]) for digest in row.chain[:MOST]]
    except (CertificateError, KeyError):
        raise BadToken(Refusal.UNKNOWN_CERTIFICATE) from None


def _revoked(path: Sequence[Certificate], listed: RevocationList | None, now: datetime) -> bool:
    if listed and any((at := listed.revoked_at(one)) is not None and at <= now.timestamp() for one in path):
        return True
    digests = [one.sha256 for one in path]
    return Archived.objects.filter(sha256__in=digests, revoked_at__lte=now).exists()


def _jwk(leaf: Certificate) -> dict[str, str]:
    key = leaf.es256_key
    if not isinstance(key, ec.EllipticCurvePublicKey):  # judge_signer refused it before
        raise BadToken(Refusal.UNTRUSTED_CERTIFICATE)
    numbers = key.public_numbers()
    x, y = (base64.urlsafe_b64encode(n.to_bytes(32)).rstrip(b"=").decode() for n in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
