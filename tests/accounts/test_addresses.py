"""Which domains can only be a government's, and which addresses may be invited."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.accounts.addresses import check_domain, check_invited, is_government
from headwater.accounts.permissions import OrganisationKind
from headwater.errors import Invalid

AGENCY = OrganisationKind.AGENCY


@pytest.mark.parametrize(
    "domain",
    [
        "michigan.gov", "fcc.gov", "ag.ny.gov", "army.mil", "us.af.mil", "state.mi.us", "ag.state.oh.us",
        "MICHIGAN.GOV",
        "co.wayne.mi.us", "ci.toledo.oh.us", "town.amherst.ma.us", "sheriff.co.kent.mi.us", "courts.cook.il.us",
    ],
)  # fmt: skip
def test_a_government_s_domain_is_known(domain: str) -> None:
    assert is_government(domain)


@pytest.mark.parametrize(
    "domain",
    [
        "gov", "mil", "us", "mi.us", "michigan.gov.example", "gov.example", "michigan-gov.com", "example.us",
        "state.us", "state.zz.us", "dealer.detroit.mi.us", "co.mi.us", "michigan..gov", "-a.gov", "a_b.gov", "",
        "xn--.gov.uk", "service.gov.uk", "gov.uk", "michigan.g0v", "michigan.gov\n", "m\u0456chigan.gov",
    ],
)  # fmt: skip
def test_what_anybody_can_have_is_none(domain: str) -> None:
    assert not is_government(domain)


@given(st.text(max_size=80))
def test_no_text_breaks_the_rules(text: str) -> None:
    is_government(text)
    with contextlib.suppress(Invalid):
        assert check_domain(text) == check_domain(check_domain(text))


@given(st.from_regex(r"[a-z]{1,20}\.(com|net|org|us|io)", fullmatch=True))
def test_a_domain_that_is_for_sale_is_no_government_s(domain: str) -> None:
    assert not is_government(domain)
    with pytest.raises(Invalid):
        check_invited(f"a@{domain}", kind=AGENCY, domains=())


def test_a_domain_that_only_ends_alike_is_not_under_it() -> None:
    assert check_invited("a@x.carrier.example", kind=AGENCY, domains={"carrier.example"}) == (
        "verified domain carrier.example"
    )
    with pytest.raises(Invalid):
        check_invited("a@evilcarrier.example", kind=AGENCY, domains={"carrier.example"})


@pytest.mark.parametrize("domain", ["gmail.com", "@Outlook.com", "proton.me"])
def test_where_anybody_may_have_an_address_is_no_organisation_s_domain(domain: str) -> None:
    with pytest.raises(Invalid, match="Anybody"):
        check_domain(domain)
