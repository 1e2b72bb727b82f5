"""A SAML provider's metadata, certificates and responses: described, or refused; nothing unsigned names a person."""

import base64
from datetime import UTC, datetime

from headwater.accounts import saml
from headwater.errors import Invalid, Unauthenticated
from tests.fuzz.targets import _certificates

NOW = datetime(2026, 11, 24, 16, tzinfo=UTC)
_BODY = base64.b64encode(_certificates.CERTIFICATE).decode()
HERE = saml.ServiceProvider(
    provider_id="IDP-1", entity_id="https://portal/", acs="https://portal/acs", issuer="https://idp/",
    sign_in_url="https://idp/sso", certificates=(saml._pem(_BODY),),
)  # fmt: skip
PENDING = saml.Pending(provider_id="IDP-1", request_id="_1", begun_at=NOW.timestamp())
_METADATA = f"""<md:EntityDescriptor xmlns:md="{saml.M[1:-1]}" xmlns:ds="{saml.D[1:-1]}" entityID="https://idp/">
<md:IDPSSODescriptor><md:KeyDescriptor use="signing"><ds:X509Certificate>{_BODY}</ds:X509Certificate></md:KeyDescriptor>
<md:SingleSignOnService Binding="{saml.REDIRECT}" Location="https://idp/sso"/></md:IDPSSODescriptor>
</md:EntityDescriptor>"""
_ASSERTION = f"""<saml:Assertion xmlns:saml="{saml.A[1:-1]}" ID="_a"><saml:Issuer>https://idp/</saml:Issuer>
<saml:Subject><saml:NameID>alex</saml:NameID><saml:SubjectConfirmation Method="{saml.BEARER}">
<saml:SubjectConfirmationData Recipient="https://portal/acs" InResponseTo="_1"
 NotOnOrAfter="2026-11-24T16:05:00Z"/></saml:SubjectConfirmation>
</saml:Subject><saml:Conditions NotBefore="2026-11-24T15:59:00Z" NotOnOrAfter="2026-11-24T16:05:00Z">
<saml:AudienceRestriction><saml:Audience>https://portal/</saml:Audience></saml:AudienceRestriction></saml:Conditions>
<saml:AuthnStatement/><saml:AttributeStatement><saml:Attribute Name="mail"><saml:AttributeValue>a@b.example
</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion>"""
_RESPONSE = f"""<samlp:Response xmlns:samlp="{saml.P[1:-1]}" ID="_r" Destination="https://portal/acs" InResponseTo="_1">
<samlp:Status><samlp:StatusCode Value="{saml.SUCCESS}"/></samlp:Status>{_ASSERTION}</samlp:Response>"""
SEEDS = [
    b"\0" + _METADATA.encode(),
    b"\1" + saml._pem(_BODY).encode(),
    b"\2" + _RESPONSE.encode(),
    b"\3" + _ASSERTION.encode(),
]
TOKENS = [
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"<!--x-->", b"<?x?>", b"<ds:Signature>", b'ID="_a"',
    b"9999-12-31T23:59:59Z", b"0001-01-01T00:00:00Z", b"2026-11-24T16:00:00", b"-----BEGIN CERTIFICATE-----",
    b"\xef\xbb\xbf", b"xmlns:x=",
]  # fmt: skip


def target(data: bytes) -> None:
    kind, data = data[:1], data[1:]
    text = data.decode("utf-8", "surrogateescape")
    try:
        if kind == b"\1":
            assert saml.check_certificates(text)
        elif kind == b"\2":
            found = saml.finish(HERE, PENDING, base64.b64encode(data).decode(), now=NOW)
            raise AssertionError(f"a response that nobody signed signs {found.subject} in")
        elif kind == b"\3":
            _signed_by_the_provider(data)
        else:
            described = saml.read_metadata(text)
            saml.check_certificates("".join(described.certificates))
    except (Invalid, Unauthenticated):
        return


def _signed_by_the_provider(octets: bytes) -> None:
    """Check an assertion as though the provider had signed it: whatever it signs, the answer is plain."""
    try:
        assertion = saml.etree.fromstring(octets, parser=saml._parser())
    except (saml.etree.XMLSyntaxError, ValueError):
        return
    assert saml._person(assertion, HERE, PENDING, NOW).subject
