"""Signs the papers of a package: PAdES (ETSI EN 319 142-1), so that any PDF reader shows whether one was changed.

The seal over the manifest covers every octet already; this signature stays on a paper that is taken out of its package
and filed alone. Without a time-stamp authority it is of level B-B; with one of level B-LTA: a time stamp over the
signature, the certificates of both in the paper, and an archive time stamp over all of it. The key is an ECDSA key on
P-256, since few PDF readers know Ed25519; its certificate is one that the installation made itself until the operator
puts one of a public authority in its place.
"""

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter, append_signature_field, enumerate_sig_fields
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, PdfTimeStamper, SimpleSigner
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko_certvalidator.registry import SimpleCertificateStore

from headwater.errors import Unavailable
from headwater.evidence.parts import archival

KEY_FILE, CERTIFICATE_FILE = "paper-key.pem", "paper-certificate.pem"
FIELD, ARCHIVE_FIELD = "Custodian", "ArchiveTimeStamp"
#: Hexadecimal digits that a signature may take: with a chain of three some 5 KB, with a time stamp some 10 KB.
_RESERVED, _RESERVED_STAMPED = 2 * 6_144, 2 * 16_384

#: Gives an authority's time stamp (RFC 3161) for a request in DER; see ``stamping``.
Ask = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperKey:
    """The key that signs papers and its certificates, the key's own first."""

    key: ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate_sha256(self) -> str:
        """What a reader compares with what the custodian published."""
        return sha256(self.chain[0].public_bytes(Encoding.DER)).hexdigest()


def load(secrets: Path) -> PaperKey:
    """Return the key and the certificates from the secrets folder.

    Raises:
        Unavailable: there is none, or key and certificate do not belong together.
    """
    place = secrets / KEY_FILE
    try:
        key = load_pem_private_key(place.read_bytes(), password=None)
        chain = tuple(x509.load_pem_x509_certificates((secrets / CERTIFICATE_FILE).read_bytes()))
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        message = (
            f"the key that signs papers, {place}, or its certificate cannot be read ({error}), and no package is "
            "sealed without it; run `headwater database prepare`"
        )
        raise Unavailable(message) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        message = f"{place} is no ECDSA key on P-256"
        raise Unavailable(message)
    if chain[0].public_key() != key.public_key():
        message = f"the first certificate in {secrets / CERTIFICATE_FILE} is not that of the key in {place}"
        raise Unavailable(message)
    return PaperKey(key=key, chain=chain)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSeal:
    """What signs every paper of one package."""

    key: PaperKey
    at: datetime
    """The sealing's time."""
    ask: Ask | None = None

    def sign(self, paper: bytes) -> bytes:
        """Return the paper with its signature.

        Raises:
            Unavailable: the time-stamp authority does not answer, or its answer does not hold.
        """
        return sign(paper, self.key, at=self.at, ask=self.ask)

    @property
    def certificates(self) -> bytes:
        """The certificates as PEM, the signer's first."""
        return b"".join(one.public_bytes(Encoding.PEM) for one in self.key.chain)


def sign(octets: bytes, key: PaperKey, *, at: datetime, ask: Ask | None = None) -> bytes:
    """Return the paper with the custodian's signature, made at ``at``; with ``ask`` also its time stamps.

    Raises:
        Unavailable: the time-stamp authority does not answer, or its answer does not hold.
    """
    # pyhanko's ways in are coroutines; nothing here waits but for ``ask``.
    return asyncio.run(_signed(octets, key, at, ask))


async def _signed(octets: bytes, key: PaperKey, at: datetime, ask: Ask | None) -> bytes:
    stamper = _Stamper(ask) if ask is not None else None
    metadata = PdfSignatureMetadata(
        field_name=FIELD, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES,
        reason="Sealed as part of an evidence package", name=_name(key),
    )  # fmt: skip
    signer = _At(metadata, signer=_Deterministic(key), timestamper=stamper)
    signer.at = at
    out = io.BytesIO()
    room = _RESERVED if stamper is None else _RESERVED_STAMPED
    # Made before the signature, the field of the archive's time stamp is no change of what was signed.
    fields = (FIELD,) if stamper is None else (FIELD, ARCHIVE_FIELD)
    await signer.async_sign_pdf(_update(octets, *fields), bytes_reserved=room, output=out)
    return out.getvalue() if stamper is None else await _archived(out.getvalue(), key, stamper)


async def _archived(octets: bytes, key: PaperKey, stamper: "_Stamper") -> bytes:
    """Return the signed paper with every certificate that judges it, under a time stamp over all of it."""
    (signature,) = PdfFileReader(io.BytesIO(octets)).embedded_signatures
    writer = _update(octets)
    certificates = [*(_asn1(one) for one in key.chain), *stamper.certificates()]
    DocumentSecurityStore.supply_dss_in_writer(writer, signature.pkcs7_content, certs=certificates)
    out = io.BytesIO()
    await PdfTimeStamper(stamper, field_name=ARCHIVE_FIELD).async_timestamp_pdf(
        writer, "sha256", bytes_reserved=_RESERVED_STAMPED, output=out
    )
    return out.getvalue()


def _update(octets: bytes, *fields: str) -> IncrementalPdfFileWriter:
    """Return a writer that adds to a paper, with empty fields for signatures."""
    writer = IncrementalPdfFileWriter(io.BytesIO(octets))
    archival.keep_as_made(writer, sha256(octets).digest()[:16])
    for field in fields:
        append_signature_field(writer, SigFieldSpec(field))
        ((_, _, reference),) = enumerate_sig_fields(writer, with_name=field)
        # PDF/A wants to know how a field looks, also one that shows nothing (ISO 19005-1 section 6.9).
        looks = generic.DictionaryObject({generic.pdf_name("/N"): writer.add_object(_nothing())})
        reference.get_object()[generic.pdf_name("/AP")] = looks
    return writer


def _nothing() -> generic.StreamObject:
    """Return a picture of nothing."""
    members = {
        generic.pdf_name("/Type"): generic.pdf_name("/XObject"),
        generic.pdf_name("/Subtype"): generic.pdf_name("/Form"),
        generic.pdf_name("/BBox"): generic.ArrayObject(generic.NumberObject(0) for _ in range(4)),
    }
    return generic.StreamObject(members, stream_data=b"")


def _name(key: PaperKey) -> str:
    names = key.chain[0].subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else "Custodian"


def _asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))


class _Deterministic(SimpleSigner):
    """Signs by ECDSA without a random number (RFC 6979): the same paper gets the same signature."""

    def __init__(self, key: PaperKey) -> None:
        self._key = key.key
        store = SimpleCertificateStore()
        store.register_multiple(_asn1(one) for one in key.chain)
        pkcs8 = key.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        super().__init__(
            signing_cert=_asn1(key.chain[0]),
            signing_key=asn1_keys.PrivateKeyInfo.load(pkcs8),
            cert_registry=store,
        )

    def sign_raw(self, data: bytes, digest_algorithm: str) -> bytes:
        """Return the signature over ``data``."""
        if digest_algorithm != "sha256":
            message = f"papers are signed over SHA-256, not {digest_algorithm}"
            raise ValueError(message)
        return self._key.sign(data, ec.ECDSA(SHA256(), deterministic_signing=True))


class _At(PdfSigner):
    """Signs at the sealing's own time, not at the clock's."""

    at: datetime

    def init_signing_session(self, *args: Any, **kwargs: Any) -> Any:
        """Begin to sign, at that time."""
        session = super().init_signing_session(*args, **kwargs)
        session.system_time = self.at
        return session


class _Stamper(TimeStamper):
    """Asks the operator's authority; what it answers was judged by ``ask``."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # pyhanko gives it no types
        self._ask = ask
        self._met: dict[bytes, asn1_x509.Certificate] = {}

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """Return the authority's response."""
        response = tsp.TimeStampResp.load(self._ask(req.dump()))
        for choice in response["time_stamp_token"]["content"]["certificates"]:
            self._met[choice.chosen.sha256] = choice.chosen
        return response

    def certificates(self) -> list[asn1_x509.Certificate]:
        """Return the certificates that came with the time stamps so far."""
        return list(self._met.values())
