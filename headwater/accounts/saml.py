"""SAML 2.0 as a service provider: HTTP-Redirect to the provider, signed response by HTTP-POST. Pure but for the XML.

What is read is what was signed: the signature is verified by ``signxml``, which returns the very octets that it
covers, and everything that counts is taken from these and nothing else, so that wrapping a signed element in a forged
document gains nothing. The checks are those of the Web Browser SSO profile (saml-profiles-2.0 section 4.1.4.3), each
with a refusal of its own.
"""

import base64
import binascii
import secrets
import zlib
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from xml.sax.saxutils import quoteattr

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from headwater.accounts.oidc import Identity
from headwater.errors import Invalid, Unauthenticated

P: Final = "{urn:oasis:names:tc:SAML:2.0:protocol}"
A: Final = "{urn:oasis:names:tc:SAML:2.0:assertion}"
M: Final = "{urn:oasis:names:tc:SAML:2.0:metadata}"
D: Final = "{http://www.w3.org/2000/09/xmldsig#}"
SUCCESS: Final = "urn:oasis:names:tc:SAML:2.0:status:Success"
BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
REDIRECT: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
EMAIL_FORMAT: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
#: Names under which providers release the e-mail address.
EMAIL_ATTRIBUTES: Final = frozenset(
    {
        "email",
        "mail",
        "urn:oid:0.9.2342.19200300.100.1.3",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    }
)
PATIENCE: Final = timedelta(minutes=15)
#: How far the clocks of the two may differ.
DRIFT: Final = timedelta(minutes=2)
MOST_OCTETS: Final = 262_144
#: A provider may write that its assertion ends with the calendar.
_LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)
_SIGNED_BY: Final = SignatureConfiguration(
    require_x509=True,
    location="./",
    expect_references=1,
    signature_methods=frozenset(
        {
            SignatureMethod.RSA_SHA256,
            SignatureMethod.RSA_SHA384,
            SignatureMethod.RSA_SHA512,
            SignatureMethod.SHA256_RSA_MGF1,
            SignatureMethod.ECDSA_SHA256,
            SignatureMethod.ECDSA_SHA384,
        }
    ),
    digest_algorithms=frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512}),
    # A provider's certificate only carries its key; the register says which one is trusted.
    ignore_ambiguous_key_info=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceProvider:
    """How Headwater is known to one provider, and how it is known here."""

    provider_id: str
    entity_id: str
    """Of ours."""
    acs: str
    """Where the provider sends its response."""
    issuer: str
    """The provider's entity ID."""
    sign_in_url: str
    certificates: tuple[str, ...]
    """The provider's signing certificates, PEM."""
    strong_contexts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What must be remembered in the browser's session between leaving and coming back."""

    provider_id: str
    request_id: str
    begun_at: float
    """Unix seconds."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as the session can keep it."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a provider's metadata says of it."""

    issuer: str
    sign_in_url: str
    certificates: tuple[str, ...]


def begin(here: ServiceProvider, *, now: datetime) -> tuple[str, Pending]:
    """Return the address to send the browser to, and what to remember."""
    pending = Pending(provider_id=here.provider_id, request_id="_" + secrets.token_hex(20), begun_at=now.timestamp())
    asked = (
        f'<samlp:AuthnRequest xmlns:samlp="{P[1:-1]}" xmlns:saml="{A[1:-1]}" ID="{pending.request_id}" Version="2.0" '
        f'IssueInstant="{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" Destination={quoteattr(here.sign_in_url)} '
        f'ForceAuthn="true" ProtocolBinding="{POST}" AssertionConsumerServiceURL={quoteattr(here.acs)}>'
        f"<saml:Issuer>{_text(here.entity_id)}</saml:Issuer></samlp:AuthnRequest>"
    )
    deflated = zlib.compress(asked.encode(), wbits=-15)
    query = urlencode({"SAMLRequest": base64.b64encode(deflated).decode()})
    return f"{here.sign_in_url}{'&' if '?' in here.sign_in_url else '?'}{query}", pending


def finish(here: ServiceProvider, pending: Pending | None, encoded: str, *, now: datetime) -> Identity:
    """Return who came back.

    Args:
        here: The provider and we.
        pending: What was remembered in this browser's session; None where nothing was asked.
        encoded: The form member ``SAMLResponse``.
        now: Aware instant.

    Raises:
        Unauthenticated: The response is not one to what this browser asked, is unsigned, forged, too old, or meant
            for somebody else; the message says which.
    """
    if pending is None or pending.provider_id != here.provider_id:
        # Whoever makes a browser post a response that it did not ask for signs its person in as somebody else.
        raise Unauthenticated("This browser asked for no sign-in there. Start from Headwater's own sign-in page.")
    if now.timestamp() - pending.begun_at > PATIENCE.total_seconds():
        raise Unauthenticated("The sign-in took too long. Start again.")
    document = _parse(encoded)
    assertion, response = _signed(document, here)
    _check_response(response, here, pending)
    return _person(assertion, here, pending, now)


def read_metadata(text: str) -> Described:
    """Return what a provider's metadata document says.

    Raises:
        Invalid: It is no metadata of an identity provider that speaks HTTP-Redirect, or holds no signing key.
    """
    try:
        root = etree.fromstring(text.encode(), parser=_parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Invalid("This is no XML. Paste the provider's metadata document as it is.") from error
    entity = root if root.tag == f"{M}EntityDescriptor" else root.find(f".//{M}EntityDescriptor")
    if entity is None or entity.find(f"{M}IDPSSODescriptor") is None:
        raise Invalid("This is no metadata of an identity provider: it holds no IDPSSODescriptor.")
    descriptor = entity.find(f"{M}IDPSSODescriptor")
    places = [each for each in descriptor.findall(f"{M}SingleSignOnService") if each.get("Binding") == REDIRECT]
    keys = [each for each in descriptor.findall(f"{M}KeyDescriptor") if each.get("use") in (None, "signing")]
    certificates = [each for key in keys for each in key.findall(f".//{D}X509Certificate")]
    if not places:
        raise Invalid("The provider offers no single sign-on by HTTP-Redirect.")
    if not certificates:
        raise Invalid("The metadata holds no signing certificate.")
    pems = tuple(_pem("".join((each.text or "").split())) for each in certificates)
    return Described(
        issuer=entity.get("entityID") or "", sign_in_url=places[0].get("Location") or "", certificates=pems
    )


def check_certificates(text: str) -> tuple[str, ...]:
    """Return the certificates of a PEM text, or refuse what holds none or a weak key.

    Raises:
        Invalid: No certificate, or one whose key is no RSA of 2048 bits or elliptic curve.
    """
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except (ValueError, x509.InvalidVersion) as error:
        raise Invalid("The signing certificates are no PEM. They begin with -----BEGIN CERTIFICATE-----.") from error
    for each in found:
        try:
            key = each.public_key()
        except (ValueError, UnsupportedAlgorithm) as error:
            raise Invalid("A signing certificate holds a key that cannot be read.") from error
        if not (
            isinstance(key, ec.EllipticCurvePublicKey) or (isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048)
        ):
            raise Invalid("A signing certificate holds a key that is too weak: RSA of 2048 bits at least, or ECDSA.")
    return tuple(each.public_bytes(Encoding.PEM).decode() for each in found)


def metadata(here: ServiceProvider) -> str:
    """Return our own metadata for one provider, as its administrators load it."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<md:EntityDescriptor xmlns:md="{M[1:-1]}" entityID={quoteattr(here.entity_id)}>'
        '<md:SPSSODescriptor AuthnRequestsSigned="false" WantAssertionsSigned="true" '
        f'protocolSupportEnumeration="{P[1:-1]}"><md:NameIDFormat>{EMAIL_FORMAT}</md:NameIDFormat>'
        f'<md:AssertionConsumerService Binding="{POST}" Location={quoteattr(here.acs)} index="0" isDefault="true"/>'
        "</md:SPSSODescriptor></md:EntityDescriptor>\n"
    )


def _parser() -> etree.XMLParser:
    # Comments and processing instructions are not signed: one inside an address would cut it short.
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _parse(encoded: str) -> Any:
    if len(encoded) > MOST_OCTETS * 4 // 3:
        raise Unauthenticated("The response is too long.")
    try:
        octets = base64.b64decode(encoded, validate=False)
        document = etree.fromstring(octets, parser=_parser())
    except (binascii.Error, ValueError, etree.XMLSyntaxError) as error:
        raise Unauthenticated("The response is no XML.") from error
    if document.getroottree().docinfo.doctype:
        raise Unauthenticated("The response holds a document type, which no provider sends.")
    if document.tag != f"{P}Response":
        raise Unauthenticated("This is no SAML response.")
    return document


def _signed(document: Any, here: ServiceProvider) -> tuple[Any, Any]:
    """Return the signed assertion and the response around it, which is signed too or, where it is not, as it came."""
    identifiers = [each.get("ID") for each in document.iter() if isinstance(each.tag, str) and each.get("ID")]
    if len(set(identifiers)) != len(identifiers):
        raise Unauthenticated("The response holds one identifier twice.")
    response = _verified(document, here)
    if response is not None:
        assertions = response.findall(f"{A}Assertion")
        around = response
    else:
        outer = document.findall(f"{A}Assertion")
        assertions = [each for each in (_verified(each, here) for each in outer) if each is not None]
        if len(outer) != 1:
            assertions = []
        around = document
    if len(assertions) != 1:
        raise Unauthenticated("The response holds not exactly one assertion that your organisation signed.")
    return assertions[0], around


def _verified(element: Any, here: ServiceProvider) -> Any:
    """Return what the signature directly inside ``element`` covers, where it is ``element`` itself; else None."""
    if element.find(f"{D}Signature") is None:
        return None
    octets = etree.tostring(element)
    for pem in here.certificates:
        try:
            result = XMLVerifier().verify(
                octets, x509_cert=pem, expect_config=_SIGNED_BY, id_attribute="ID", parser=_parser()
            )
        except (SignXMLException, ValueError, etree.LxmlError):
            continue
        covered = getattr(result, "signed_xml", None)
        if covered is not None and covered.tag == element.tag and covered.get("ID") == element.get("ID"):
            return covered
    raise Unauthenticated("The response is not signed by your organisation's provider.")


def _check_response(response: Any, here: ServiceProvider, pending: Pending) -> None:
    code = response.find(f"{P}Status/{P}StatusCode")
    if code is None or code.get("Value") != SUCCESS:
        raise Unauthenticated("Your organisation's provider did not sign you in.")
    if response.get("Destination") not in (None, here.acs):
        raise Unauthenticated("The response is meant for another address.")
    if response.get("InResponseTo") not in (None, pending.request_id):
        raise Unauthenticated("The response is not the answer to this sign-in. Start again.")
    issuer = response.findtext(f"{A}Issuer")
    if issuer is not None and issuer.strip() != here.issuer:
        raise Unauthenticated("The response is another provider's.")


def _person(assertion: Any, here: ServiceProvider, pending: Pending, now: datetime) -> Identity:
    """Return whom a signed assertion names, once it is for us, for this request and for this moment."""
    conditions_end = _check_conditions(assertion, here, now)
    confirmed_until = _check_confirmation(assertion, here, pending, now)
    return _identity(assertion, here, expires_at=min(max(conditions_end, confirmed_until), _LATEST) + DRIFT)


def _check_conditions(assertion: Any, here: ServiceProvider, now: datetime) -> datetime:
    if (assertion.findtext(f"{A}Issuer") or "").strip() != here.issuer:
        raise Unauthenticated("The assertion is another provider's.")
    conditions = assertion.find(f"{A}Conditions")
    if conditions is None:
        raise Unauthenticated("The assertion says not for whom it is.")
    audiences = [(each.text or "").strip() for each in conditions.findall(f"{A}AudienceRestriction/{A}Audience")]
    if here.entity_id not in audiences:
        raise Unauthenticated("The assertion is meant for another application.")
    begins, ends = _moment(conditions.get("NotBefore")), _moment(conditions.get("NotOnOrAfter"))
    if (begins is not None and now + DRIFT < begins) or (ends is not None and now - DRIFT >= ends):
        raise Unauthenticated("The assertion is too old, or the clocks differ. Start again.")
    return ends or now


def _check_confirmation(assertion: Any, here: ServiceProvider, pending: Pending, now: datetime) -> datetime:
    """Check that one bearer confirmation is for this address, this request and this moment; return its end."""
    for each in assertion.findall(f"{A}Subject/{A}SubjectConfirmation"):
        data = each.find(f"{A}SubjectConfirmationData")
        if each.get("Method") != BEARER or data is None:
            continue
        ends = _moment(data.get("NotOnOrAfter"))
        if (
            data.get("Recipient") == here.acs
            and data.get("InResponseTo") == pending.request_id
            and data.get("NotBefore") is None
            and ends is not None
            and now - DRIFT < ends
        ):
            return ends
    raise Unauthenticated("The assertion is not the answer to this sign-in, is too old, or is for another address.")


def _identity(assertion: Any, here: ServiceProvider, *, expires_at: datetime) -> Identity:
    name = assertion.find(f"{A}Subject/{A}NameID")
    subject = (name.text or "").strip() if name is not None else ""
    values = {
        (each.get("Name") or ""): [(value.text or "").strip() for value in each.findall(f"{A}AttributeValue")]
        for each in assertion.findall(f"{A}AttributeStatement/{A}Attribute")
    }
    released = [value for attribute in EMAIL_ATTRIBUTES for value in values.get(attribute, ()) if "@" in value]
    if not released and name is not None and name.get("Format") == EMAIL_FORMAT:
        released = [subject]
    statement = assertion.find(f"{A}AuthnStatement")
    if not subject or len(set(released)) != 1 or statement is None:
        raise Unauthenticated("The assertion names not exactly one person with an e-mail address.")
    context = (statement.findtext(f"{A}AuthnContext/{A}AuthnContextClassRef") or "").strip()
    return Identity(
        subject=subject,
        email=released[0].lower(),
        strong=context in here.strong_contexts,
        assertion_id=assertion.get("ID") or "",
        expires_at=expires_at,
    )


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Unauthenticated("The assertion holds a time that is none.") from error
    if found.tzinfo is None:
        raise Unauthenticated("The assertion holds a time without zone.")
    return found


def _pem(encoded: str) -> str:
    lines = [encoded[at : at + 64] for at in range(0, len(encoded), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def _text(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
