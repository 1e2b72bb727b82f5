"""The papers of a package as an archive and a court take them: PDF/A-1b, PAdES, judged by others' programs."""

import io
import random
import shutil
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import pem
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature, validate_pdf_timestamp
from pyhanko.sign.validation.status import ModificationLevel
from pyhanko_certvalidator import ValidationContext

from headwater.errors import Unavailable
from headwater.evidence import layout, paper_seal, papers, stamping
from headwater.evidence.parts import archival
from headwater.evidence.report import Outcome
from headwater.evidence.verify import verify
from headwater.site import secret_files
from headwater.typeface import BOLD, REGULAR
from tests.evidence import specimen
from tests.evidence.authority import Authority, serving
from tests.evidence.test_verify import members, resealed

PAPERS = {name: octets for name, octets in members(specimen.octets()).items() if name.endswith(".pdf")}
COVER = PAPERS["cover.pdf"]
JARS = [Path("/usr/share/java") / f"{name}.jar" for name in (
    "preflight", "pdfbox2", "fontbox2", "xmpbox", "commons-logging", "javax.activation", "jaxb-api",
)]  # fmt: skip


def trust(certificate: bytes) -> ValidationContext:
    return ValidationContext(trust_roots=[asn1_x509.Certificate.load(certificate)])


def custodian() -> ValidationContext:
    return trust(specimen.papers().key.chain[0].public_bytes(Encoding.DER))


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """The cover under an authority's time stamps, and the authority's root."""
    with serving(Authority(tmp_path_factory.mktemp("authority"))) as authority:
        ask = partial(stamping.ask, url=authority.url, root=authority.root)
        _, _, root = pem.unarmor(authority.root.read_bytes())
        return replace(specimen.papers(), ask=ask).sign(plain()), root


def plain() -> bytes:
    """Return the cover as it is before it is signed."""
    reader = PdfFileReader(io.BytesIO(COVER))
    (signature,) = reader.embedded_signatures
    revision = reader.xrefs.get_xref_container_info(0)
    return COVER[: COVER.index(b"%%EOF", revision.end_location - 8) + 6] if signature else COVER


def judged(*files: Path) -> dict[str, str]:
    """Return what Apache PDFBox Preflight, an independent judge of PDF/A-1b, says of each file."""
    if shutil.which("java") is None or not all(jar.exists() for jar in JARS):
        pytest.skip(
            "no PDFBox Preflight: on Debian, apt-get install libpdfbox2-java libactivation-java libjaxb-api-java"
        )
    said = {}
    for file in files:
        command = ["java", "-cp", ":".join(map(str, JARS)), "org.apache.pdfbox.preflight.Validator_A1b", str(file)]
        told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        said[file.name] = told.stdout.strip()
    return said


def test_every_paper_keeps_for_an_archive_as_an_independent_judge_finds(tmp_path: Path, archived: tuple[bytes, bytes]):
    files = []
    for name, octets in {**PAPERS, "stamped.pdf": archived[0]}.items():
        files.append(tmp_path / name)
        files[-1].write_bytes(octets)
    spoilt = tmp_path / "spoilt.pdf"
    spoilt.write_bytes(COVER.replace(b"<pdfaid:part>1<", b"<pdfaid:part>9<"))
    said = judged(*files, spoilt)
    assert "not a valid PDF/A-1b" in said.pop("spoilt.pdf")
    assert said == {file.name: f"The file {file.name} is a valid PDF/A-1b file" for file in files}


def test_every_paper_embeds_its_faces_and_says_who_made_it_and_when():
    for name, octets in PAPERS.items():
        reader = PdfFileReader(io.BytesIO(octets))
        assert reader.input_version == archival.VERSION, name
        assert "/Version" not in reader.root
        intent = reader.root["/OutputIntents"][0]
        assert intent["/DestOutputProfile"].data == archival.srgb()
        said = reader.root["/Metadata"].data.decode()
        assert "<pdfaid:conformance>B<" in said
        assert "<xmp:CreateDate>2026-11-24T15:00:00+00:00<" in said
        faces = [font["/BaseFont"] for font in fonts(reader) if embedded(font)]
        assert {face.partition("+")[2] for face in faces} >= {REGULAR, BOLD}, name
        assert "/JavaScript" not in reader.root.get("/Names", {})
        assert not {"/OpenAction", "/AA"} & set(reader.root)


def fonts(reader: PdfFileReader) -> list[Any]:
    pages = [page.get_object() for page in reader.root["/Pages"]["/Kids"]]
    return [font.get_object() for page in pages for font in page["/Resources"]["/Font"].values()]


def embedded(font: Any) -> bool:
    return "/FontDescriptor" in font and "/FontFile2" in font["/FontDescriptor"]


def test_every_paper_is_signed_and_untouched_as_pyhanko_finds():
    for name, octets in PAPERS.items():
        (signature,) = PdfFileReader(io.BytesIO(octets)).embedded_signatures
        found = validate_pdf_signature(signature, custodian())
        assert found.bottom_line, name
        assert found.modification_level is ModificationLevel.NONE
        assert signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
        assert str(signature.sig_object["/M"]).startswith("D:20261124150000")


def test_with_an_authority_a_paper_is_stamped_and_archived(archived: tuple[bytes, bytes]):
    octets, root = archived
    reader = PdfFileReader(io.BytesIO(octets))
    (signature,), (archive,) = reader.embedded_regular_signatures, reader.embedded_timestamp_signatures
    found = validate_pdf_signature(signature, custodian(), ts_validation_context=trust(root))
    assert found.bottom_line
    assert found.modification_level is ModificationLevel.LTA_UPDATES
    assert found.timestamp_validity is not None
    assert found.timestamp_validity.trusted
    assert validate_pdf_timestamp(archive, trust(root)).trusted
    assert len(reader.root["/DSS"]["/Certs"]) >= 2

    ours = papers.signatures(octets)
    assert [(one.archive, one.checked) for one in ours] == [(False, True), (True, True)]
    assert all(one.stamped is not None and one.stamped.signed for one in ours)
    assert ours[0].certificate_sha256 == specimen.papers().key.certificate_sha256


def test_popplers_pdfsig_comes_to_the_same(tmp_path: Path):
    if shutil.which("pdfsig") is None:
        pytest.skip("no pdfsig: on Debian, apt-get install poppler-utils")
    good, bad = tmp_path / "good.pdf", tmp_path / "bad.pdf"
    good.write_bytes(COVER)
    at = COVER.index(b"stream") + 20
    bad.write_bytes(COVER[:at] + bytes([COVER[at] ^ 1]) + COVER[at + 1 :])
    said = [subprocess.run(["pdfsig", str(file)], capture_output=True, text=True, check=False).stdout
            for file in (good, bad)]  # fmt: skip
    assert "Signature is Valid" in said[0]
    assert "Total document signed" in said[0]
    assert "Signature is Valid" not in said[1]


def test_the_same_paper_gets_the_same_octets():
    assert specimen.papers().sign(plain()) == specimen.papers().sign(plain()) == COVER


def test_no_octet_of_a_signed_paper_changes_unseen(archived: tuple[bytes, bytes]):
    rng = random.Random(1)
    for whole in (COVER, archived[0]):
        for _ in range(150):
            at = rng.randrange(len(whole))
            changed = whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(8))]) + whole[at + 1 :]
            try:
                found = papers.signatures(changed)
            except ValueError:
                continue
            # What no digest covers is how the signature itself is wrapped: whose it is and over what stays the same.
            assert found == papers.signatures(whole), f"octet {at} of {len(whole)} changed unseen"
            assert any(begin < at < again for begin, again, _ in papers._spans(whole))


@pytest.mark.parametrize("damage", ["appended", "cut", "empty", "rubbish", "many"])
def test_what_is_no_signed_paper_is_refused_or_has_no_signature(damage: str):
    octets = {
        "appended": COVER + b"\n1 0 obj\n<< >>\nendobj\n",
        "cut": COVER[:-40],
        "empty": b"",
        "rubbish": b"/ByteRange [0 1 9999999999 9999999999]" * 3,
        "many": COVER * 20,
    }[damage]
    try:
        assert papers.signatures(octets) == []
    except ValueError:
        return
    assert damage == "empty"


def test_a_paper_of_another_custodian_is_found_even_in_a_sealed_package(tmp_path: Path):
    files = members(specimen.octets())
    secret_files.paper_key(tmp_path)
    other = paper_seal.PaperSeal(key=paper_seal.load(tmp_path), at=specimen.NOW)
    path = tmp_path / "package.zip"
    for changes in ({"cover.pdf": other.sign(plain())}, {"cover.pdf": plain()}):
        path.write_bytes(resealed({**files, **changes}))
        (failure,) = verify(path).failures
        assert (failure.group, failure.file) == ("Papers", "cover.pdf")
    path.write_bytes(resealed({**files, layout.PAPER_CERTIFICATE: b"none"}))
    assert [one.file for one in verify(path).failures] == [layout.PAPER_CERTIFICATE]


def test_the_report_says_who_signed_each_paper_and_what_it_does_not_judge(tmp_path: Path):
    path = tmp_path / "package.zip"
    path.write_bytes(specimen.octets())
    said = [check for check in verify(path).checks if check.group == "Papers"]
    assert sum(check.outcome is Outcome.PASSED for check in said) == len(PAPERS)
    assert "Headwater custodian" in said[0].finding
    assert "revocation are not judged here" in said[-1].finding


@pytest.mark.parametrize("file", [paper_seal.KEY_FILE, paper_seal.CERTIFICATE_FILE])
def test_without_its_key_or_certificate_nothing_is_signed_and_the_reason_is_said(tmp_path: Path, file: str):
    secret_files.paper_key(tmp_path)
    (tmp_path / file).write_text("rubbish")
    with pytest.raises(Unavailable, match="paper-key"):
        paper_seal.load(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(Unavailable, match="database prepare"):
        paper_seal.load(tmp_path)


def test_a_certificate_of_another_key_is_refused(tmp_path: Path):
    secret_files.paper_key(tmp_path)
    (tmp_path / paper_seal.KEY_FILE).unlink()
    secret_files.paper_key(tmp_path)
    with pytest.raises(Unavailable, match="is not that of the key"):
        paper_seal.load(tmp_path)
