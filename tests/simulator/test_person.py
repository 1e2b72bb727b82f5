"""A simulated person reads pages as a browser does."""

import base64

import pytest

from headwater.errors import NotFound
from headwater.simulator.person import code, read

PAGE = """<!DOCTYPE html><html><head><title>t</title><script>var a = "<form>";</script></head><body>
<form method="post" action="/account/sign-out/"><input type="hidden" name="csrf" value="one"><button>Out</button></form>
<form method="post" action="serve/" enctype="multipart/form-data">
 <input type="hidden" name="csrf" value="two"><input name="statute" value="A &amp; B">
 <input type="radio" name="kind" value="subpoena" checked><input type="radio" name="kind" value="cid">
 <input type="checkbox" name="identity"><input type="file" name="document">
 <textarea name="scope">
All calls
of it</textarea>
 <select name="answer"><option value="">Choose</option><option value="US" selected>In the US</option></select>
 <button name="go" value="1">Serve</button>
</form>
<a href="../alerts/AL-1/">Alert <b>one</b></a></body></html>"""


@pytest.mark.parametrize(
    ("at", "digits"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_a_code_is_that_of_the_standards_test_vectors(at, digits):
    """RFC 6238, appendix B, SHA-1, the last six of its eight digits."""
    assert code(base64.b32encode(b"12345678901234567890").decode(), at) == digits


def test_a_form_is_sent_as_a_browser_would_with_hidden_members_and_defaults():
    form = read("http://host/cases/7/", 200, PAGE).form("statute")
    assert form.action == "http://host/cases/7/serve/"
    assert form.values == {
        "csrf": "two",
        "statute": "A & B",
        "kind": "subpoena",
        "scope": "All calls\nof it",
        "answer": "US",
    }
    assert form.files == ["document"]
    assert form.choices["answer"] == {"": "Choose", "US": "In the US"}
    assert set(form.choices["kind"]) == {"subpoena", "cid"}


def test_a_link_is_found_by_part_of_its_address():
    page = read("http://host/cases/7/", 200, PAGE)
    assert page.link("/alerts/").address == "http://host/cases/alerts/AL-1/"
    assert page.link("/alerts/").text == "Alert one"
    assert "var a" not in page.text


def test_a_page_without_the_expected_form_says_which_forms_it_has():
    with pytest.raises(NotFound, match=r"no form with verdict.*statute"):
        read("http://host/", 200, PAGE).form("verdict")


def test_a_form_that_is_a_button_alone_is_found_by_where_it_is_sent():
    page = read("http://host/cases/7/", 200, PAGE)
    assert page.form_to("/sign-out/").values == {"csrf": "one"}
    with pytest.raises(NotFound, match="no form that is sent to /seal/"):
        page.form_to("/seal/")


def test_a_page_without_the_expected_link_says_so():
    with pytest.raises(NotFound, match="no link to /packages/"):
        read("http://host/", 200, PAGE).link("/packages/")
