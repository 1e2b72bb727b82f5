"""Documents that attack: programs, scripts, attachments, bombs, names that leave the folder."""

import contextlib
import io
import zipfile
import zlib
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import Invalid, TooLarge
from headwater.legal.documents import (
    ACTIVE,
    LARGEST_DOCUMENT,
    LARGEST_EXPANSION,
    LONGEST_NAME,
    RefusedDocument,
    inspect,
    safe_filename,
)
from tests.evidence.scenery import PDF


def pdf(*objects: bytes) -> bytes:
    """Return a small PDF that holds ``objects``."""
    body = b"".join(b"%d 0 obj\n%b\nendobj\n" % (number, content) for number, content in enumerate(objects, start=1))
    return b"%PDF-1.7\n" + body + b"trailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"


def stream(content: bytes, entries: bytes = b"", *, deflated: bool = True) -> bytes:
    """Return a stream object's octets."""
    data = zlib.compress(content) if deflated else content
    filters = b"/Filter /FlateDecode" if deflated else b""
    return b"<< /Length %d %b %b >>\nstream\n%b\nendstream" % (len(data), filters, entries, data)


def refusal(octets: bytes) -> str:
    with pytest.raises(RefusedDocument) as refused:
        inspect("subpoena.pdf", octets)
    return str(refused.value)


def test_a_plain_pdf_is_taken_as_it_is():
    found = inspect("Subpoena 2026.pdf", PDF)
    assert (found.filename, found.octets, found.sha256) == ("Subpoena 2026.pdf", PDF, sha256(PDF).hexdigest())
    assert found.notes == ()


@pytest.mark.parametrize(
    "octets", [b"", b"MZ\x90\x00", b"<html><script>", b"PK\x03\x04", b"\x7fELF", b"%PDF", b" " + PDF]
)
def test_what_is_no_pdf_is_refused(octets: bytes):
    assert "not a PDF" in refusal(octets)


def test_a_pdf_that_was_cut_is_refused():
    assert "not whole" in refusal(PDF[: len(PDF) // 2])


def test_an_archive_behind_the_pdf_is_refused():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("payload.exe", b"MZ")
    assert "Something follows the end" in refusal(PDF + archive.getvalue())


@pytest.mark.parametrize("name", list(ACTIVE))
def test_each_active_name_is_refused_with_its_word_and_a_way_out(name: bytes):
    said = refusal(pdf(b"<< /Type /Catalog /X << %b (x) >> >>" % name))
    assert name.decode() in said
    assert "Print it to a plain PDF" in said


@pytest.mark.parametrize(
    "spelled", [b"/J#61vaScript", b"/#4a#61#76#61#53#63#72#69#70#74", b"/JavaScript/X", b"/JavaScript%c\n"]
)
def test_a_name_in_disguise_is_refused(spelled: bytes):
    assert "/JavaScript" in refusal(pdf(b"<< /S %b >>" % spelled))


def test_a_script_inside_a_compressed_object_stream_is_refused():
    hidden = stream(b"5 0 << /S /JavaScript /JS (app.alert(1)) >>", b"/Type /ObjStm /N 1 /First 4")
    assert "/JavaScript" in refusal(pdf(b"<< /Type /Catalog >>", hidden))


def test_a_short_name_inside_an_object_stream_without_its_type_is_refused():
    assert "/JS" in refusal(pdf(stream(b"5 0 << /JS (x) >>", b"/N 1 /First 4")))


def test_a_name_across_two_pieces_of_a_long_stream_is_refused():
    filler = b"x" * ((1 << 20) - 5)
    assert "/JavaScript" in refusal(pdf(stream(filler + b"/JavaScript ", b"/Type /ObjStm /N 1 /First 4")))


@pytest.mark.parametrize("filters", [b"/LZWDecode", b"[/ASCIIHexDecode /FlateDecode]", b"/Crypt"])
def test_an_object_stream_that_cannot_be_looked_into_is_refused(filters: bytes):
    hidden = b"<< /Type /ObjStm /N 1 /First 4 /Filter %b /Length 3 >>\nstream\nabc\nendstream" % filters
    assert "cannot be inspected" in refusal(pdf(hidden))


def test_a_stream_that_pretends_to_begin_hides_nothing():
    hidden = b"<< /A (stream\n) /S /JavaScript >>"
    assert "/JavaScript" in refusal(pdf(hidden))


def test_an_encrypted_pdf_is_refused():
    assert "encrypted" in refusal(pdf(b"<< /Encrypt 9 0 R >>"))


def test_a_pdf_that_expands_without_end_is_refused_early():
    bomb = zlib.compress(b"\0" * (LARGEST_EXPANSION + (2 << 20)), 9)
    octets = pdf(b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(bomb), bomb))
    assert len(octets) < 1_000_000
    assert "expands to more than 256 MB" in refusal(octets)


def test_a_document_past_the_bound_is_refused_before_it_is_looked_at():
    with pytest.raises(TooLarge, match="20 MB"):
        inspect("big.pdf", b"%PDF-1.7" + b"\0" * LARGEST_DOCUMENT)


def test_compressed_page_text_is_no_reason_to_refuse():
    page = stream(b"BT (the words /JS and JavaScript in a letter) Tj ET")
    assert inspect("letter.pdf", pdf(b"<< /Type /Page >>", page)).notes == ()


def test_what_may_be_harmless_is_noted_for_the_reviewer():
    found = inspect("letter.pdf", pdf(b"<< /Type /Catalog /OpenAction [3 0 R /Fit] /A << /URI (https://x) >> >>"))
    assert len(found.notes) == 2


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Windows\\system32\\cmd.exe", "cmd.exe.pdf"),
        ("..", "document.pdf"),
        (".htaccess", "htaccess.pdf"),
        ("", "document.pdf"),
        ('a"\r\nSet-Cookie: x=1.pdf', "a_Set-Cookie_ x=1.pdf".replace("=", "_")),
        ("in\u202efdp.exe", "infdp.exe.pdf"),
        ("Ladung Müller.PDF", "Ladung Müller.pdf"),
        ("nul\x00byte.pdf", "nulbyte.pdf"),
        ("<script>alert(1)</script>.pdf", "script.pdf"),
    ],
)
def test_names_are_made_harmless(raw: str, safe: str):
    assert safe_filename(raw) == safe


@given(st.text(max_size=400))
def test_no_name_leaves_the_folder_or_forges_a_header(raw: str):
    name = safe_filename(raw)
    assert name.endswith(".pdf")
    assert not set(name) & set("/\\\r\n\0\"'<>;")
    assert not name.startswith(".")
    assert len(name.encode()) <= LONGEST_NAME + 4


@given(st.binary(max_size=3_000))
def test_rubbish_is_taken_or_refused_by_name(octets: bytes):
    for document in (octets, b"%PDF-1.7\n" + octets + b"\nstartxref\n0\n%%EOF"):
        with contextlib.suppress(Invalid):
            inspect("x.pdf", document)
