"""Whether a certificate keeps the SHAKEN profile: ATIS-1000080 and the US certificate policy.

A report, and no part of verification: more than half of the real certificates depart from the profile somewhere, and
their signatures name an accountable provider all the same. A rule is asked only of certificates issued since it was
in force: the day of its document for authorities, 90 days later for leaves (145 for policy 1.3), which is how the
industry's own reports count.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec

from headwater.stir import der
from headwater.stir.certificates import (
    AUTHORITY_KEY_ID,
    BASIC_CONSTRAINTS,
    CRL_POINTS,
    KEY_USAGE,
    POLICIES,
    SUBJECT_KEY_ID,
    Certificate,
    signed_by,
)
from headwater.stir.tn_auth_list import TN_AUTH_LIST_OID, TnAuthList

_COUNTRY, _ORGANISATION, _COMMON_NAME, _SERIAL = "2.5.4.6", "2.5.4.10", "2.5.4.3", "2.5.4.5"
_ECDSA_SHA256 = "1.2.840.10045.4.3.2"
_SPECIFIED = frozenset(
    {AUTHORITY_KEY_ID, BASIC_CONSTRAINTS, CRL_POINTS, KEY_USAGE, POLICIES, SUBJECT_KEY_ID, TN_AUTH_LIST_OID}
)
_POLICY_1_3 = "2.16.840.1.114569.1.1.3"
_POLICY_IDS = frozenset({_POLICY_1_3, "2.16.840.1.114569.1.1.4"})
_SPC = re.compile(r"[0-9A-Z]+").fullmatch
_DIGITAL_SIGNATURE, _KEY_CERT_SIGN, _CRL_SIGN = 0, 5, 6


@dataclass(frozen=True, slots=True)
class Document:
    """What a rule stands in, and since when it is asked."""

    name: str
    published: datetime
    leaf_days: int = 90
    """Days after which leaves must keep it."""

    def in_force(self, certificate: Certificate) -> bool:
        """Tell whether ``certificate`` was issued when the document bound it."""
        since = self.published + timedelta(days=0 if certificate.is_authority else self.leaf_days)
        return certificate.not_before >= since.timestamp()


V003 = Document("ATIS-1000080.v003 section 6.4.1", datetime(2020, 9, 4, tzinfo=UTC))
V004 = Document("ATIS-1000080.v004 section 6.4.1", datetime(2021, 10, 18, tzinfo=UTC))
V005 = Document("ATIS-1000080.v005 section 6.4.1", datetime(2022, 12, 12, tzinfo=UTC))
POLICY_1_3 = Document("US SHAKEN Certificate Policy 1.3", datetime(2021, 8, 18, tzinfo=UTC), leaf_days=145)
RFC5280 = Document("RFC 5280 and X.690", datetime(2008, 5, 1, tzinfo=UTC), leaf_days=0)


@dataclass(frozen=True, slots=True)
class Departure:
    """One rule of the SHAKEN profile (ATIS-1000080, US certificate policy) that a certificate does not keep."""

    rule: str
    """Stable name of the rule."""
    detail: str
    source: str


Judge = Callable[[Certificate], str]


def departures(certificate: Certificate) -> Iterator[Departure]:
    """Yield each rule of ATIS-1000080 in force at its issuing that ``certificate`` does not keep. Never raises."""
    for rule, (document, judge) in RULES.items():
        if document.in_force(certificate):
            try:
                detail = judge(certificate)
            except der.DerError as error:
                detail = f"what the rule is about cannot be read: {error}"
            if detail:
                yield Departure(rule, detail, document.name)


def _is_root(certificate: Certificate) -> bool:
    named = certificate.is_authority and certificate.issuer == certificate.subject
    return named and signed_by(certificate, certificate)


def _is_leaf(certificate: Certificate) -> bool:
    return not certificate.is_authority


def _value(certificate: Certificate, oid: str) -> bytes | None:
    return certificate.extensions[oid][1] if oid in certificate.extensions else None


def _critical(certificate: Certificate, oid: str) -> bool:
    return oid in certificate.extensions and certificate.extensions[oid][0]


def _names(certificate: Certificate) -> dict[str, list[str]]:
    """Return the attributes of the subject's name: OID -> values."""
    found: dict[str, list[str]] = {}
    for rdn in der.whole(certificate.subject, der.SEQUENCE).children():
        for attribute in rdn.expect(der.SET).children():
            parts = list(attribute.expect(der.SEQUENCE).children())
            if len(parts) != 2:
                raise der.DerError("a name's attribute is no pair")
            found.setdefault(der.oid(parts[0]), []).append(parts[1].content.decode(errors="replace"))
    return found


def _version(certificate: Certificate) -> str:
    return "" if certificate.version == 3 else f"version {certificate.version}, not 3"


def _serial(certificate: Certificate) -> str:
    bits = certificate.serial.bit_length()
    # An INTEGER of eight octets may begin with zero bits by chance: what counts are the octets.
    return "" if certificate.serial > 0 and bits > 56 else f"the serial number has {bits} bits, fewer than 64"


def _signature_algorithm(certificate: Certificate) -> str:
    found = certificate.signature_algorithm
    return "" if found == _ECDSA_SHA256 else f"signed with {found}, not ecdsa-with-SHA256"


def _public_key(certificate: Certificate) -> str:
    key = certificate.key
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "" if isinstance(key.curve, ec.SECP256R1) else f"the key is on {key.curve.name}, not P-256"
    return "the key is no elliptic-curve key"


def _subject(certificate: Certificate) -> str:
    names = _names(certificate)
    wanted = (("country", _COUNTRY), ("organisation", _ORGANISATION), ("common name", _COMMON_NAME))
    missing = [word for word, oid in wanted if oid not in names]
    return f"the subject has no {' and no '.join(missing)}" if missing else ""


def _common_name(certificate: Certificate) -> str:
    name = certificate.common_name
    if "SHAKEN" not in name:
        return f"the common name {name!r} does not say SHAKEN"
    if _is_leaf(certificate):
        return ""
    word = "root" if _is_root(certificate) else "intermediate"
    others = () if _is_root(certificate) else ("issuing", "ca")
    return "" if any(each in name.lower() for each in (word, *others)) else f"the name {name!r} does not say {word}"


def _common_name_spc(certificate: Certificate) -> str:
    listed = certificate.tn_auth_list
    if not _is_leaf(certificate) or not isinstance(listed, TnAuthList) or len(listed.spcs) != 1:
        return ""
    wanted = f"SHAKEN {listed.spcs[0]}"
    return "" if wanted in certificate.common_name else f"the common name {certificate.common_name!r} lacks {wanted!r}"


def _subject_serial(certificate: Certificate) -> str:
    asked = _is_leaf(certificate) and _POLICY_1_3 in _policy_ids(certificate)
    return "the subject has no serialNumber" if asked and _SERIAL not in _names(certificate) else ""


def _basic_constraints(certificate: Certificate) -> str:
    return "" if _critical(certificate, BASIC_CONSTRAINTS) else "basicConstraints is missing or not critical"


def _key_usage(certificate: Certificate) -> str:
    value = _value(certificate, KEY_USAGE)
    if value is None or not _critical(certificate, KEY_USAGE):
        return "keyUsage is missing or not critical"
    octets = der.whole(value, der.BIT_STRING).content[1:]
    bits = {at for at in range(8 * len(octets)) if octets[at // 8] & (0x80 >> at % 8)}
    if _is_leaf(certificate):
        return "" if bits == {_DIGITAL_SIGNATURE} else f"keyUsage sets bits {sorted(bits)}, not digitalSignature alone"
    allowed = {_DIGITAL_SIGNATURE, _KEY_CERT_SIGN, _CRL_SIGN}
    return "" if _KEY_CERT_SIGN in bits <= allowed else f"keyUsage sets bits {sorted(bits)}"


def _key_usage_encoding(certificate: Certificate) -> str:
    value = _value(certificate, KEY_USAGE)
    if value is None:
        return ""
    unused, *octets = der.whole(value, der.BIT_STRING).content
    # X.690 section 11.2.2: trailing zero bits of a named bit list are removed.
    trailing = (octets[-1] & -octets[-1]).bit_length() - 1 if octets and octets[-1] else None
    return "" if unused == trailing else "keyUsage keeps trailing zero bits"


def _authority_key_id(certificate: Certificate) -> str:
    if _is_root(certificate):
        return ""
    value = _value(certificate, AUTHORITY_KEY_ID)
    if value is None:
        return "there is no authority key identifier"
    fields = [each.tag for each in der.whole(value, der.SEQUENCE).children()]
    return "" if 0x80 in fields else "the authority key identifier holds no key identifier"


def _subject_key_id(certificate: Certificate) -> str:
    value = _value(certificate, SUBJECT_KEY_ID)
    if value is None:
        return "there is no subject key identifier"
    size = len(der.whole(value, der.OCTET_STRING).content)
    return "" if size == 20 else f"the subject key identifier has {size} octets, not 20"


def _policy_ids(certificate: Certificate) -> list[str]:
    value = _value(certificate, POLICIES)
    if value is None:
        return []
    found = []
    for information in der.whole(value, der.SEQUENCE).children():
        parts = list(information.expect(der.SEQUENCE).children())
        if not parts:
            raise der.DerError("a certificate policy without its identifier")
        found.append(der.oid(parts[0]))
    return found


def _policies(certificate: Certificate) -> str:
    if _is_root(certificate):
        return ""
    found = _policy_ids(certificate)
    if len(found) != 1:
        return f"{len(found)} certificate policies, not one"
    return "certificatePolicies is critical" if _critical(certificate, POLICIES) else ""


def _policy_id(certificate: Certificate) -> str:
    odd = [each for each in _policy_ids(certificate) if each not in _POLICY_IDS]
    return f"policy {', '.join(odd)} is none in force" if odd and not _is_root(certificate) else ""


def _crl_point(certificate: Certificate) -> str:
    asked = not _is_root(certificate) and CRL_POINTS not in certificate.extensions
    return "there is no CRL distribution point" if asked else ""


def _crl_point_form(certificate: Certificate) -> str:
    value = _value(certificate, CRL_POINTS)
    if value is None or _is_root(certificate):
        return ""
    points = list(der.whole(value, der.SEQUENCE).children())
    if len(points) != 1:
        return f"{len(points)} CRL distribution points, not one"
    tags = {each.tag for each in points[0].expect(der.SEQUENCE).children()}
    return "" if {0xA0, 0xA2} <= tags else "the CRL distribution point lacks its name or its cRLIssuer"


def _tn_auth_list(certificate: Certificate) -> str:
    listed = certificate.tn_auth_list
    if certificate.is_authority:
        return "" if listed is None else "an authority has a TNAuthList"
    if listed is None:
        return "there is no TNAuthList"
    if not isinstance(listed, TnAuthList):
        return str(listed)
    return "" if len(listed.spcs) == 1 and not listed.ranges else "the TNAuthList does not name one provider code"


def _spc_form(certificate: Certificate) -> str:
    listed = certificate.tn_auth_list
    odd = [each for each in listed.spcs if not _SPC(each)] if isinstance(listed, TnAuthList) else []
    return f"the provider code {odd[0]!r} has other characters than digits and capitals" if odd else ""


def _unspecified(certificate: Certificate) -> str:
    odd = sorted(set(certificate.extensions) - _SPECIFIED)
    return f"extensions that the profile does not name: {', '.join(odd)}" if odd else ""


#: Stable name of each rule -> the document that binds to it, and how it is judged.
RULES: dict[str, tuple[Document, Judge]] = {
    "version": (V003, _version),
    "serial-size": (V005, _serial),
    "signature-algorithm": (V003, _signature_algorithm),
    "public-key": (V003, _public_key),
    "subject": (V003, _subject),
    "subject-cn": (V003, _common_name),
    "subject-cn-spc": (V004, _common_name_spc),
    "subject-serial": (POLICY_1_3, _subject_serial),
    "basic-constraints": (V003, _basic_constraints),
    "key-usage": (V003, _key_usage),
    "key-usage-encoding": (RFC5280, _key_usage_encoding),
    "authority-key-id": (V003, _authority_key_id),
    "subject-key-id": (V003, _subject_key_id),
    "policies": (V003, _policies),
    "policy-id": (POLICY_1_3, _policy_id),
    "crl-point": (V003, _crl_point),
    "crl-point-form": (V004, _crl_point_form),
    "tn-auth-list": (V003, _tn_auth_list),
    "spc-form": (V005, _spc_form),
    "extension-unspecified": (V005, _unspecified),
}
