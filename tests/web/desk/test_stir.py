"""An analyst pastes a header and reads the verdict."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from headwater.stir.sign import make_identity, make_token
from tests.stir.pki import X5U, Pki, claims

pytestmark = pytest.mark.django_db
PKI = Pki()
CHAIN = (PKI.leaf.issued.public_bytes(Encoding.PEM) + PKI.authority.issued.public_bytes(Encoding.PEM)).decode()


@pytest.fixture
def trusted(settings, tmp_path):
    from dataclasses import replace

    folder = tmp_path / "trust" / "US"
    folder.mkdir(parents=True)
    (folder / "root.pem").write_bytes(PKI.root.issued.public_bytes(Encoding.PEM))
    settings.HEADWATER = replace(settings.HEADWATER, home=tmp_path)
    return folder


def header(**changes: object) -> str:
    return make_identity(make_token(PKI.leaf.key, claims(**changes), x5u=X5U), x5u=X5U)


def judged(client, **given: str) -> str:
    answer = client.post("/stir/", given)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_good_header_is_called_valid_and_its_signer_named(desk_client, trusted):
    text = judged(desk_client, identity="Identity: " + header(), certificate=CHAIN, called="(215) 555-0131")
    assert "Valid" in text
    assert "709J" in text
    assert "A, full" in text
    assert "RFC 8225 section 6" in text


def test_a_lie_is_refused_with_its_reason_in_words(desk_client, trusted):
    text = judged(desk_client, identity=header(attest="Z"), certificate=CHAIN)
    assert "Not valid" in text
    assert "attest is &#x27;Z&#x27;" in text


def test_without_certificate_or_trust_the_page_says_so(desk_client):
    text = judged(desk_client, identity=header())
    assert "no certificate was pasted" in text.lower()
    assert "No trust list is set up" in text


@pytest.mark.parametrize("rubbish", ["<script>alert(1)</script>", "..;info=<x>", "\x00", "a" * 70_000])
def test_rubbish_is_a_verdict_and_never_markup(desk_client, trusted, rubbish):
    text = judged(desk_client, identity=rubbish, certificate="<b>", calling="<i>")
    assert "Not valid" in text
    assert "<script>alert" not in text
    assert "<i>" not in text


def test_only_the_desk_may_look(agency_client):
    assert agency_client.get("/stir/").status_code == 404
