"""Load files and CASE/UCO: read back as the other party's tools read them."""

import csv
import io
import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from headwater.evidence import build
from headwater.evidence.parts.bates import Exhibit
from tests.evidence import specimen


@pytest.fixture(scope="module")
def exhibits() -> list[Exhibit]:
    return build.exhibits(specimen.material(transcript="\u00fea\r\nb\x14c"), specimen.KEY)


def test_bates_numbers_run_on_without_a_gap_and_each_page_of_paper_has_its_own(exhibits: list[Exhibit]):
    at = 0
    for exhibit in exhibits[:-2]:
        assert exhibit.first == f"EP-SPECIMEN01-{at + 1:06d}"
        if exhibit.path.endswith(".pdf"):
            assert exhibit.pages == exhibit.octets.count(b"/Type /Page\n"), exhibit.path
        else:
            assert exhibit.pages == 1
        at += exhibit.pages
        assert exhibit.last == f"EP-SPECIMEN01-{at:06d}"
    assert sum(exhibit.path.endswith(".pdf") for exhibit in exhibits) == 4


def test_the_manifest_states_the_bates_numbers():
    import zipfile

    with zipfile.ZipFile(io.BytesIO(specimen.octets())) as package:
        files = json.loads(package.read("manifest.json"))["files"]
    assert files[0]["bates_first"] == "EP-SPECIMEN01-000001"
    assert [row["path"] for row in files if "bates_first" not in row] == ["exports/load.dat", "exports/load.opt"]


def test_the_concordance_file_reads_back_row_by_row(exhibits: list[Exhibit]):
    octets = next(e.octets for e in exhibits if e.path == "exports/load.dat")
    text = octets.decode("utf-8-sig")
    rows = [[cell.strip("\u00fe") for cell in line.split("\x14")] for line in text.split("\r\n") if line]
    head, body = rows[0], rows[1:]
    assert head[:4] == ["BEGBATES", "ENDBATES", "CUSTODIAN", "FILENAME"]
    assert {len(row) for row in rows} == {len(head)}
    for row, exhibit in zip(body, exhibits[:-2], strict=True):
        found = dict(zip(head, row, strict=True))
        assert (found["BEGBATES"], found["ENDBATES"]) == (exhibit.first, exhibit.last)
        assert found["SHA256"] == sha256(exhibit.octets).hexdigest()
        assert found["NATIVEPATH"] == exhibit.path


def test_the_opticon_file_has_a_row_a_page(exhibits: list[Exhibit]):
    octets = next(e.octets for e in exhibits if e.path == "exports/load.opt")
    rows = list(csv.reader(io.StringIO(octets.decode("utf-8-sig"))))
    assert len(rows) == sum(exhibit.pages for exhibit in exhibits)
    begins = [row for row in rows if row[3] == "Y"]
    assert [(row[0], int(row[6])) for row in begins] == [(e.first, e.pages) for e in exhibits[:-2]]


def validate(document: object, path: Path) -> subprocess.CompletedProcess[str]:
    path.write_text(json.dumps(document))
    command = [str(Path(sys.executable).with_name("case_validate")), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_case_uco_graph_passes_the_ontologys_own_validator(exhibits: list[Exhibit], tmp_path: Path):
    document = json.loads(next(e.octets for e in exhibits if e.path == "exports/case-uco.jsonld"))
    told = validate(document, tmp_path / "graph.jsonld")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "Conforms: True" in told.stdout
    call = next(node for node in document["@graph"] if node["@type"] == "uco-observable:Call")
    call["uco-core:hasFacet"][0]["uco-observable:startTime"] = {"@type": "xsd:integer", "@value": 5}
    told = validate(document, tmp_path / "broken.jsonld")
    assert "Conforms: False" in told.stdout
