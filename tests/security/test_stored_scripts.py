"""Stored XSS and injection: an attacker's words, names and files, shown on every page of every application."""

import csv
import io
import json
import re
from typing import Any

import pytest

from headwater.accounts.permissions import Permission
from tests.conftest import Browser
from tests.evidence.scenery import Scene
from tests.security.conftest import ATTRIBUTE, FORMULA, QUOTE, SCRIPT
from tests.security.crawler import Markup, body, pages

pytestmark = pytest.mark.django_db
WHO = ["desk", "reviewer", "custodian", "agency", "provider"]


def starts(browser: Browser) -> list[str]:
    """Return the entries of the application's navigation."""
    from headwater.web.application import APPLICATIONS

    return ["/account/", *(item.path for item in APPLICATIONS[browser.application].navigation)]


def judge(address: str, text: str) -> list[str]:
    """Return what of an attacker's text became more than text on one page."""
    found, page = [], Markup(text)
    for tag, attributes in page.elements:
        handlers = [name for name in attributes if name.startswith("on")]
        if handlers or ("autofocus" in attributes and "hw-attack" in str(attributes)):
            found.append(f"{address}: <{tag}> has {handlers or attributes}")
        is_data = attributes.get("type") == "application/json"
        if tag == "script" and not is_data and not (attributes.get("src") or "").startswith("/static/"):
            found.append(f"{address}: a script that is no file of ours")
        for name, value in attributes.items():
            if (
                name in {"href", "src", "action", "formaction", "hx-get", "hx-post"}
                and re.match(r"\s*(javascript|data|vbscript):", value or "", re.IGNORECASE)
                and not (tag == "img" or (value or "").startswith("data:image/"))
            ):
                found.append(f"{address}: <{tag} {name}={value!r}>")
        if tag in {"style", "iframe", "object", "embed", "base"}:
            found.append(f"{address}: <{tag}>")
        if "style" in attributes:
            found.append(f"{address}: <{tag} style=...>")
    return found + [f"{address}: {script[:40]!r}" for script in page.scripts]


@pytest.mark.parametrize("who", WHO)
def test_an_attackers_words_and_names_stay_text_on_every_page_and_in_every_table(
    hostile: Scene, browsers: dict[str, Browser], who: str
):
    """One walk over all that a person reaches; see the three judges for what each answer is held to."""
    met, found = 0, list[str]()
    for address, response in pages(browsers[who], starts(browsers[who])):
        assert response.status_code < 500, address
        content, kind = body(response), response.headers.get("Content-Type", "")
        found += wrong_headers(address, response)
        if kind.startswith("text/html"):
            text = content.decode()
            found += judge(address, text)
            found += [f"{address}: the script as it was written"] if SCRIPT in text else []
            met += "hw-attack" in text
        elif "csv" in kind:
            found += formulas(address, content)
    assert found == []
    # A walk that never met the attacker's words proves nothing; a carrier sees only its own questions.
    assert met >= (0 if who == "provider" else 3), f"{who} met the words on {met} pages"


def wrong_headers(address: str, response: Any) -> list[str]:
    """Return what an answer lacks that keeps a browser from guessing, framing and storing it."""
    headers = response.headers
    kind, policy = headers.get("Content-Type", ""), headers.get("Content-Security-Policy", "")
    saved = headers.get("Content-Disposition", "").startswith("attachment")
    shown = kind.startswith(("text/html", "application/json"))
    wrong = {
        "may be guessed": headers.get("X-Content-Type-Options") != "nosniff",
        "has a lax policy": "'unsafe" in policy or "default-src 'none'" not in policy,
        "may be stored": "no-store" not in headers.get("Cache-Control", ""),
        "has no character set": kind.startswith("text/") and "charset=utf-8" not in kind,
        "is shown, not saved": response.status_code == 200 and not shown and not saved,
    }
    return [f"{address}: {what} ({kind})" for what, is_so in wrong.items() if is_so]


def formulas(address: str, content: bytes) -> list[str]:
    """Return the cells of a table that a spreadsheet would run."""
    rows = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    return [
        f"{address}: {cell!r}"
        for row in rows
        for cell in row
        if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "|", "%"))
    ]


def test_no_table_of_a_package_runs_in_a_spreadsheet_and_no_paper_reads_markup(hostile: Scene, agency_client: Browser):
    import zipfile

    from headwater.evidence.models import Package

    whole = body(agency_client.get(f"/packages/{Package.objects.get().id}/"))
    met = 0
    with zipfile.ZipFile(io.BytesIO(whole)) as opened:
        for name in opened.namelist():
            octets = opened.read(name)
            if name.endswith(".csv"):
                met += b"hw-attack" in octets
                for row in csv.reader(io.StringIO(octets.decode())):
                    assert not [c for c in row if c.lstrip(" ").startswith(("=", "+", "-", "@", "|", "%"))], name
            elif name.endswith((".json", ".jsonld")):
                json.loads(octets)
            assert not name.startswith("/")
            assert ".." not in name
    assert met >= 3


def test_a_name_cannot_write_a_header(hostile: Scene, agency_client: Browser, desk_client: Browser):
    from headwater.legal.models import ProcessDocument

    held = ProcessDocument.objects.get()
    response = agency_client.get(f"/requests/{held.process_id}/documents/{held.id}/")
    disposition = response.headers["Content-Disposition"]
    assert disposition.startswith("attachment")
    assert disposition.count('"') % 2 == 0
    for split in ("x\r\nSet-Cookie: hw=1", "x%0d%0aSet-Cookie:%20hw=1", "x\nX: y", "x\u2028Set-Cookie: a=b"):
        for address in ("/audit/", "/calls/"):
            answer = desk_client.get(address, {"who": split, "subject": split, "called": split, "next": split})
            assert answer.status_code < 500
            assert not answer.cookies.get("hw")
            assert all("\n" not in value and "\r" not in value for value in answer.headers.values())
        answer = Browser("desk").get("/account/sign-in/", {"next": split})
        assert all("\n" not in value for value in answer.headers.values())


def test_the_attacks_are_attacks():
    """The judge finds each of them on a page that escapes nothing."""
    for text in (
        f"<p>{SCRIPT}</p>", f'<p title="{ATTRIBUTE}">x</p>', f"<p title='{QUOTE}'>x</p>",
        "<a href='javascript:alert(1)'>x</a>",
        "<p style='color:red'>x</p>", "<iframe src='/'></iframe>", "<style>p {}</style>",
    ):  # fmt: skip
        assert judge("/", text), text
    assert not judge("/", "<p title=\"&quot; onmouseover=x\">&lt;script&gt;</p><script src='/static/x.js'></script>")
    assert FORMULA.startswith("=")
    assert Permission.AUDIT_READ


def test_a_query_is_data_and_never_part_of_a_statement(hostile: Scene, browsers: dict[str, Browser]):
    from headwater.audit.models import AuditEntry

    before = AuditEntry.objects.count()
    for attack in (
        "' OR '1'='1",
        "'; DROP TABLE audit_entry; --",
        "\\'); SELECT pg_sleep(9); --",
        "%' UNION SELECT 1 --",
        "{{ 7*7 }}",
        "${7*7}",
        "\x00",
        "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    ):
        for who, address, names in (
            ("desk", "/calls/", ("called", "calling", "call_id")), ("custodian", "/audit/", ("who", "subject", "tag")),
            ("desk", "/campaigns/", ("q", "state")), ("desk", "/tracebacks/", ("q", "state", "provider")),
            ("desk", "/registries/", ("q", "asked")), ("agency", "/requests/", ("q", "state")),
        ):  # fmt: skip
            answer = browsers[who].get(address, dict.fromkeys(names, attack))
            assert answer.status_code in {200, 404, 422}, (address, attack, answer.status_code)
    assert AuditEntry.objects.count() >= before
