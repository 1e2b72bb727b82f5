"""SAML against a real provider: what is taken, and every way in which an answer can be forged, stolen or stale."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from headwater.accounts import saml
from headwater.accounts.saml import A, D, P
from headwater.errors import Invalid, Unauthenticated
from tests.accounts.saml_provider import ISSUER, MFA_CONTEXT, SIGN_IN, Provider

HERE = "https://portal.example/account/organisation/IDP-1"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Provider:
    return Provider(tmp_path_factory.mktemp("idp"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Provider:
    """Somebody else with a provider of their own, who says to be ours."""
    return Provider(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="module")
def here(provider: Provider) -> saml.ServiceProvider:
    described = saml.read_metadata(provider.metadata)
    return saml.ServiceProvider(
        provider_id="IDP-1",
        entity_id=f"{HERE}/metadata/",
        acs=f"{HERE}/saml/",
        issuer=described.issuer,
        sign_in_url=described.sign_in_url,
        certificates=described.certificates,
        strong_contexts=(MFA_CONTEXT,),
    )


def now() -> datetime:
    return datetime.now(UTC)


def signed_in(here: saml.ServiceProvider, provider: Provider, **how: Any) -> tuple[saml.Pending, str]:
    """Begin, and have the provider answer."""
    address, pending = saml.begin(here, now=now())
    return pending, provider.answer(address, saml.metadata(here), **how)


def tree(encoded: str) -> Any:
    return etree.fromstring(base64.b64decode(encoded))


def encoded(document: Any) -> str:
    return base64.b64encode(etree.tostring(document)).decode()


def test_the_provider_s_own_metadata_is_read(provider: Provider, here: saml.ServiceProvider) -> None:
    assert (here.issuer, here.sign_in_url) == (ISSUER, SIGN_IN)
    assert saml.check_certificates("".join(here.certificates)) == saml.check_certificates(provider.certificate)


@pytest.mark.parametrize(("sign_response", "sign_assertion"), [(False, True), (True, False), (True, True)])
def test_a_signed_answer_to_our_request_is_taken(
    here: saml.ServiceProvider, provider: Provider, *, sign_response: bool, sign_assertion: bool
) -> None:
    pending, answer = signed_in(here, provider, sign_response=sign_response, sign_assertion=sign_assertion)
    identity = saml.finish(here, pending, answer, now=now())
    assert (identity.email, identity.subject, identity.strong) == ("owen@michigan.gov", "u-1017", False)
    assert identity.expires_at > now()


def test_the_provider_s_second_factor_is_told_by_its_context(here: saml.ServiceProvider, provider: Provider) -> None:
    pending, answer = signed_in(here, provider, context=MFA_CONTEXT)
    assert saml.finish(here, pending, answer, now=now()).strong


def test_an_unsigned_answer_is_refused(here: saml.ServiceProvider, provider: Provider) -> None:
    pending, answer = signed_in(here, provider, sign_assertion=False)
    with pytest.raises(Unauthenticated, match="signed"):
        saml.finish(here, pending, answer, now=now())


def test_an_answer_whose_signature_was_taken_off_is_refused(here: saml.ServiceProvider, provider: Provider) -> None:
    pending, answer = signed_in(here, provider)
    document = tree(answer)
    signature = document.find(f".//{D}Signature")
    signature.getparent().remove(signature)
    with pytest.raises(Unauthenticated, match="signed"):
        saml.finish(here, pending, encoded(document), now=now())


def test_an_answer_that_somebody_else_signed_is_refused(here: saml.ServiceProvider, stranger: Provider) -> None:
    pending, answer = signed_in(here, stranger)
    with pytest.raises(Unauthenticated, match="not signed by your organisation"):
        saml.finish(here, pending, answer, now=now())


def test_an_answer_that_nobody_asked_for_is_refused(here: saml.ServiceProvider, provider: Provider) -> None:
    """Provider-initiated sign-on: whoever can make a browser post would sign its person in as themselves."""
    _pending, answer = signed_in(here, provider)
    with pytest.raises(Unauthenticated, match="asked for no sign-in"):
        saml.finish(here, None, answer, now=now())


def test_an_answer_to_another_browser_s_request_is_refused(here: saml.ServiceProvider, provider: Provider) -> None:
    _theirs, stolen = signed_in(here, provider)
    _address, mine = saml.begin(here, now=now())
    with pytest.raises(Unauthenticated, match="not the answer to this sign-in"):
        saml.finish(here, mine, stolen, now=now())


def test_an_answer_for_another_application_is_refused(here: saml.ServiceProvider, provider: Provider) -> None:
    pending, answer = signed_in(here, provider, audience="https://other.example/sp")
    with pytest.raises(Unauthenticated, match="another application"):
        saml.finish(here, pending, answer, now=now())


def test_an_answer_for_another_address_is_refused(here: saml.ServiceProvider, provider: Provider) -> None:
    pending, answer = signed_in(here, provider, acs="https://other.example/acs")
    with pytest.raises(Unauthenticated, match="another address"):
        saml.finish(here, pending, answer, now=now())


def test_an_answer_without_the_request_s_number_is_refused(here: saml.ServiceProvider, provider: Provider) -> None:
    pending, answer = signed_in(here, provider, in_response_to="_somebody-elses")
    with pytest.raises(Unauthenticated, match="not the answer"):
        saml.finish(here, pending, answer, now=now())


@pytest.mark.parametrize("later", [timedelta(minutes=8), timedelta(hours=2), timedelta(minutes=-10)])
def test_an_answer_that_is_too_old_or_too_new_is_refused(
    here: saml.ServiceProvider, provider: Provider, later: timedelta
) -> None:
    pending, answer = signed_in(here, provider)
    with pytest.raises(Unauthenticated, match=r"too old|too long"):
        saml.finish(here, pending, answer, now=now() + later)


def _forged(assertion: Any) -> Any:
    """Return an assertion as an attacker writes it: no signature, another person, another identifier."""
    forged = etree.fromstring(etree.tostring(assertion))
    forged.remove(forged.find(f"{D}Signature"))
    forged.set("ID", "_forged")
    for value in forged.iter(f"{A}AttributeValue"):
        value.text = "attacker@michigan.gov"
    forged.find(f"{A}Subject/{A}NameID").text = "attacker"
    return forged


def _beside(document: Any, signed: Any, forged: Any) -> None:
    document.insert(list(document).index(signed), forged)


def _after(document: Any, signed: Any, forged: Any) -> None:
    document.append(forged)


def _around(document: Any, signed: Any, forged: Any) -> None:
    document.replace(signed, forged)
    forged.append(signed)


def _in_an_extension(document: Any, signed: Any, forged: Any) -> None:
    document.replace(signed, forged)
    extension = etree.SubElement(document, f"{P}Extensions")
    extension.append(signed)


def _in_the_signature(document: Any, signed: Any, forged: Any) -> None:
    signature = signed.find(f"{D}Signature")
    document.replace(signed, forged)
    forged.insert(1, signature)
    etree.SubElement(signature, f"{D}Object").append(signed)


def _same_identifier(document: Any, signed: Any, forged: Any) -> None:
    forged.set("ID", signed.get("ID"))
    document.insert(0, forged)


def _signature_moved_up(document: Any, signed: Any, forged: Any) -> None:
    signature = signed.find(f"{D}Signature")
    document.replace(signed, forged)
    document.insert(1, signature)
    etree.SubElement(document, f"{P}Extensions").append(signed)


WRAPPINGS = [
    _beside, _after, _around, _in_an_extension, _in_the_signature, _same_identifier, _signature_moved_up,
]  # fmt: skip


@pytest.mark.parametrize("wrap", WRAPPINGS)
@pytest.mark.parametrize("sign_response", [False, True])
def test_a_signed_assertion_wrapped_in_a_forged_answer_signs_nobody_in(
    here: saml.ServiceProvider, provider: Provider, wrap: Callable[[Any, Any, Any], None], *, sign_response: bool
) -> None:
    pending, answer = signed_in(here, provider, sign_response=sign_response)
    document = tree(answer)
    signed = document.find(f"{A}Assertion")
    wrap(document, signed, _forged(signed))
    with pytest.raises(Unauthenticated):
        saml.finish(here, pending, encoded(document), now=now())


def test_a_whole_signed_response_inside_a_forged_one_signs_nobody_in(
    here: saml.ServiceProvider, provider: Provider
) -> None:
    pending, answer = signed_in(here, provider, sign_response=True, sign_assertion=True)
    document = tree(answer)
    outer = etree.fromstring(etree.tostring(document))
    for child in list(outer):
        if child.tag == f"{D}Signature":
            outer.remove(child)
    signed = outer.find(f"{A}Assertion")
    outer.replace(signed, _forged(signed))
    outer.set("ID", "_outer")
    etree.SubElement(outer, f"{P}Extensions").append(document)
    with pytest.raises(Unauthenticated):
        saml.finish(here, pending, encoded(outer), now=now())


@pytest.mark.parametrize("noise", ["<!---->", "<!-- x -->", "<?x y?>"])
def test_a_comment_in_an_address_does_not_cut_it_short(
    here: saml.ServiceProvider, provider: Provider, noise: str
) -> None:
    """Canonical XML drops comments, so that the signature stays right: who reads up to the comment is deceived."""
    pending, answer = signed_in(here, provider, email="owen@michigan.gov.evil.example")
    document = base64.b64decode(answer).decode()
    cut = document.replace("owen@michigan.gov.evil.example", f"owen@michigan.gov{noise}.evil.example")
    try:
        identity = saml.finish(here, pending, base64.b64encode(cut.encode()).decode(), now=now())
    except Unauthenticated:
        return
    assert identity.email == "owen@michigan.gov.evil.example"


@pytest.mark.parametrize(
    "document",
    [
        "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        "<!DOCTYPE a [<!ENTITY x 'y'>]><samlp:Response xmlns:samlp='urn:oasis:names:tc:SAML:2.0:protocol'/>",
        "<a/>", "", "not xml", "<samlp:Response xmlns:samlp='urn:oasis:names:tc:SAML:2.0:protocol'/>",
        "<a>" * 5_000,
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused(here: saml.ServiceProvider, document: str) -> None:
    _address, pending = saml.begin(here, now=now())
    with pytest.raises(Unauthenticated):
        saml.finish(here, pending, base64.b64encode(document.encode()).decode(), now=now())


def test_an_answer_with_any_octet_changed_signs_nobody_else_in(here: saml.ServiceProvider, provider: Provider) -> None:
    pending, answer = signed_in(here, provider)
    octets = base64.b64decode(answer)

    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, len(octets) - 1), st.integers(1, 255))
    def flipped(at: int, by: int) -> None:
        changed = octets[:at] + bytes([octets[at] ^ by]) + octets[at + 1 :]
        try:
            identity = saml.finish(here, pending, base64.b64encode(changed).decode(), now=now())
        except Unauthenticated:
            return
        # A change outside of what is signed may pass; it must change nothing that counts.
        assert (identity.email, identity.subject) == ("owen@michigan.gov", "u-1017")

    flipped()


def test_what_is_no_metadata_is_refused_in_words() -> None:
    for text, said in (("", "no XML"), ("<a/>", "no metadata of an identity provider"), ("<a", "no XML")):
        with pytest.raises(Invalid, match=said):
            saml.read_metadata(text)
    with pytest.raises(Invalid, match="no PEM"):
        saml.check_certificates("nonsense")


def test_a_certificate_whose_key_or_form_cannot_be_read_is_refused(here: saml.ServiceProvider) -> None:
    der = base64.b64decode("".join(here.certificates[0].split("\n")[1:-2]))
    rsa, none = bytes.fromhex("06092a864886f70d010101"), bytes.fromhex("06092a864886f70d01017f")
    for broken, said in (
        (der.replace(rsa, none), "cannot be read"),
        (der.replace(b"\x02\x01\x02", b"\x02\x01\x22", 1), "PEM"),
    ):
        assert broken != der
        with pytest.raises(Invalid, match=said):
            saml.check_certificates(saml._pem(base64.b64encode(broken).decode()))


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00"])
def test_an_assertion_that_ends_with_the_calendar_is_one_without_end(here: saml.ServiceProvider, end: str) -> None:
    assertion = etree.fromstring(
        f'<a:Assertion xmlns:a="{saml.A[1:-1]}"><a:Issuer>{here.issuer}</a:Issuer>'
        f'<a:Conditions NotBefore="0001-01-01T00:00:00Z" NotOnOrAfter="{end}"><a:AudienceRestriction><a:Audience>'
        f"{here.entity_id}</a:Audience></a:AudienceRestriction></a:Conditions></a:Assertion>"
    )
    assert saml._check_conditions(assertion, here, now()).year == 9999
