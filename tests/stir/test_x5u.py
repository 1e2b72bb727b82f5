"""Where a certificate may be fetched from, by the text of its address."""

from urllib.parse import urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.stir.x5u import is_public, x5u_fault
from tests.stir.lab import load


def test_addresses_are_judged_by_their_text_as_listed():
    for case in load("x5u_urls.json"):
        assert bool(x5u_fault(case["url"])) == (case["expect"] == "refuse"), case
    for url in (
        "https://user@a.example.com/x",
        "https://a.example.com/x?y",
        "https://a.example.com:444/x",
        "https://[::1]/x",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest",
        "https://localhost/x",
        "https://0x7f000001/x",
        "https://2130706433/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://a.internal/x",
        "https:///x",
        "https://a\\@b/x",
        "ftp://a/x",
        "",
        "https://a.example.com/\n",
    ):
        assert x5u_fault(url), url


@given(
    st.text(max_size=60)
    | st.text(max_size=40).map(lambda rest: "https://" + rest)
    | st.from_regex(r"https?://[\[\]:.@/?#a-f0-9%-]{0,40}")
)
@settings(max_examples=500)
def test_every_text_is_judged_and_none_that_may_be_fetched_leads_elsewhere(url):
    if x5u_fault(url):
        return
    parts = urlsplit(url)
    assert parts.scheme == "https"
    assert parts.port in (None, 443, 8443)
    assert parts.hostname
    assert not set(url) & set("@?#\\ ")


@given(st.ip_addresses())
@settings(max_examples=500)
def test_no_address_that_the_library_calls_private_is_public(address):
    if address.is_private or address.is_link_local or address.is_multicast or address.is_reserved:
        assert not is_public(str(address))
