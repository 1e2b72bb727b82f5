"""Trust lists from an operator's files: which authorities are approved, one list an ecosystem.

A folder holds one sub-folder an ecosystem, such as ``trust/US`` and ``trust/CA``. In each, every ``*.pem`` is a bundle
of approved authorities, and every ``*.jwt`` a list as the policy administrator signs it (ATIS-1000084: a JWT whose
payload names the certificates in ``trustList``), which must be signed by the certificate in ``signer.crt`` beside it.
A single file is one list. The real lists need an account with the administrator, so the operator places them.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from headwater.stir.certificates import Certificate, CertificateError, TrustList, parse_pem_chain
from headwater.stir.identity import StirError
from headwater.stir.passport import from_base64url
from headwater.stir.reasons import Reason
from headwater.stir.signature import der_signature

MAX_ANCHORS = 2_000
MAX_LIST = 8 * 1024 * 1024
SIGNER = "signer.crt"


class _Listed(msgspec.Struct):
    """The payload of a signed list; what else it may hold is not needed."""

    trustList: list[str]  # noqa: N815 - the name in the document
    sequence: int | None = None
    exp: float | None = None


def load_trust(place: Path, *, signer: Certificate | None = None) -> list[TrustList]:
    """Return the trust lists (ATIS-1000084) at ``place``; none where there is nothing.

    ``signer`` is whose signature a signed list must bear; in a folder, its ``signer.crt`` says so.

    Raises:
        CertificateError: a file holds something else than a list, or a signed list is not by its signer.
        OSError: a file cannot be read.
    """
    if place.is_file():
        return [parse_trust_list(_read(place), name=place.stem, signer=signer)]
    lists = []
    for folder in sorted(each for each in place.glob("*") if each.is_dir()):
        pinned = signer
        if (folder / SIGNER).is_file():
            pinned = parse_pem_chain(_read(folder / SIGNER))[0]
        files = sorted([*folder.glob("*.pem"), *folder.glob("*.jwt")])
        found = [parse_trust_list(_read(file), name=folder.name, signer=pinned) for file in files]
        if found:
            lists.append(TrustList.joined(found, name=folder.name))
    return lists


def parse_trust_list(octets: bytes, *, name: str, signer: Certificate | None = None) -> TrustList:
    """Read one list: PEM, or the administrator's signed JWT (ATIS-1000084), bare or in its ``caList`` envelope.

    Raises:
        CertificateError: it is neither, it is empty or too long, or its signature is not ``signer``'s.
    """
    if b"-----BEGIN" in octets[:64_000] and octets.lstrip()[:1] not in (b"{", b'"'):
        return TrustList(parse_pem_chain(octets, at_most=MAX_ANCHORS), name=name)
    listed = _signed_list(_token(octets), signer)
    anchors = [each for pem in listed.trustList for each in parse_pem_chain(pem.encode(), at_most=MAX_ANCHORS)]
    if not 1 <= len(anchors) <= MAX_ANCHORS:
        raise _refused(f"{len(anchors)} authorities where 1 to {MAX_ANCHORS} belong")
    return TrustList(anchors, name=name, sequence=listed.sequence, expires=listed.exp)


def _token(octets: bytes) -> list[bytes]:
    text = octets.strip()
    try:
        if text[:1] in (b"{", b'"'):
            value: Any = json.loads(text)
            value = value.get("caList") if isinstance(value, dict) else value
            text = value.encode("ascii") if isinstance(value, str) else b""
    except (ValueError, RecursionError) as error:
        raise _refused(f"no JSON: {error}") from None
    parts = text.split(b".")
    if len(parts) != 3:
        raise _refused("neither certificates in PEM nor a signed list; an unsigned one says nothing")
    return parts


def _signed_list(parts: Sequence[bytes], signer: Certificate | None) -> _Listed:
    key = signer.es256_key if signer else None
    if key is None:
        raise _refused("a signed list needs the certificate (P-256) whose signature it must bear")
    try:
        header = json.loads(from_base64url(parts[0]))
        raw = from_base64url(parts[2])
        if not isinstance(header, dict) or header.get("alg") != "ES256" or "crit" in header or len(raw) != 64:
            raise _refused("the list is not signed with ES256")
        key.verify(der_signature(raw), b".".join(parts[:2]), ec.ECDSA(hashes.SHA256()))
        return msgspec.json.decode(from_base64url(parts[1]), type=_Listed)
    except InvalidSignature:
        raise _refused("the list's signature is not that of its signer") from None
    except CertificateError:
        raise
    except (StirError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise _refused(str(error)) from None


def _refused(why: str) -> CertificateError:
    return CertificateError(Reason.CERTIFICATE_MALFORMED, f"no trust list: {why}")


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        octets = stream.read(MAX_LIST + 1)
    if len(octets) > MAX_LIST:
        raise _refused(f"{file} is larger than {MAX_LIST} octets")
    return octets
