"""Where a certificate may be fetched from, by the text of its address."""

from headwater.stir.x5u import x5u_fault
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
