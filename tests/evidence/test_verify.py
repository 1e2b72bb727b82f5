"""The offline verifier against octets: every change is found, rubbish is a failed check and never an exception."""

import io
import json
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.evidence import container, keys, layout
from headwater.evidence.build import signature_file
from headwater.evidence.report import Outcome
from headwater.evidence.verify import verify
from tests.evidence import specimen

GOOD = specimen.octets()
PEM = keys.pem(specimen.KEY.public_key())


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], Path]:
    path = tmp_path_factory.mktemp("packages") / "package.zip"

    def save(octets: bytes) -> Path:
        path.write_bytes(octets)
        return path

    return save


Save = Callable[[bytes], Path]


def members(octets: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(octets)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def resealed(files: dict[str, bytes], key: Ed25519PrivateKey = specimen.KEY) -> bytes:
    """Return a package of ``files`` as somebody who holds ``key`` would seal it."""
    out = io.BytesIO()
    writer = container.Writer(out)
    manifest = json.loads(files[layout.MANIFEST])
    own = (layout.MANIFEST, layout.STAMP, layout.SIGNATURE)
    content = {name: data for name, data in files.items() if name not in own}
    manifest["files"] = [
        {"path": name, "sha256": sha256(data).hexdigest(), "size": len(data)} for name, data in content.items()
    ]
    for name, data in content.items():
        writer.add(name, data)
    octets = json.dumps(manifest).encode()
    writer.add(layout.MANIFEST, octets)
    if layout.STAMP in files:
        writer.add(layout.STAMP, files[layout.STAMP])
    writer.add(layout.SIGNATURE, signature_file(octets + files.get(layout.STAMP, b""), key))
    writer.close()
    return out.getvalue()


def changed(name: str, change: Callable[[Any], Any]) -> bytes:
    """Return a package in which the JSON file ``name`` was changed before it was sealed."""
    files = members(GOOD)
    files[name] = json.dumps(change(json.loads(files[name]))).encode()
    return resealed(files)


def test_a_package_as_sealed_passes_every_check(saved: Save):
    report = verify(saved(GOOD), PEM)

    assert report.ok, report.failures
    assert {"Container", "Signature", "Key", "Manifest", "Files", "Calls", "Answers", "Provider path", "Custody",
            "Figures", "Papers", "Signatures", "Tables",
            "Time stamp"} == {check.group for check in report.checks}  # fmt: skip
    assert sum(check.group == "Files" and bool(check.file) for check in report.checks) == len(members(GOOD)) - 2
    assert (report.package_id, report.process_id) == ("EP-SPECIMEN01", "LP-SPECIMEN01")


def test_the_same_material_and_key_give_the_same_octets():
    assert specimen.octets() == GOOD


def test_any_zip_tool_opens_a_package(saved: Save):
    with zipfile.ZipFile(saved(GOOD)) as opened:
        assert opened.testzip() is None
        assert all(info.compress_type == zipfile.ZIP_STORED for info in opened.infolist())


def place_of(at: int) -> str:
    """Return the file in whose octets, header or line of the directory the octet at ``at`` lies; "" for the end."""
    found = container.read(io.BytesIO(GOOD))
    for member in found:
        if at < member.offset + member.size:
            return member.name
    # The directory: one line of 46 octets and the name a file (APPNOTE 4.3.12).
    line = found[-1].offset + found[-1].size
    for member in found:
        line += 46 + len(member.name)
        if at < line:
            return member.name
    return ""


def in_file(at: int) -> bool:
    return any(member.offset <= at < member.offset + member.size for member in container.read(io.BytesIO(GOOD)))


def test_a_thousand_changes_are_found_and_the_place_of_each_is_named(saved: Save):
    rng = random.Random(7)
    places = rng.sample(range(len(GOOD)), 500)
    # The places where formats are lax: headers, directory, signature, manifest.
    places += range(120)
    places += rng.sample(range(len(GOOD) - 4_000, len(GOOD)), 500)
    missed = []
    for at in places:
        octets = bytearray(GOOD)
        octets[at] ^= 1 << rng.randrange(8)
        report = verify(saved(bytes(octets)))
        name = place_of(at)
        # Where the seal itself does not hold, either half of it may be the changed one.
        seal = {layout.MANIFEST, layout.SIGNATURE}
        named = {failure.file for failure in report.failures}
        told = any(name in failure.finding for failure in report.failures)
        # A header's octet may be found before it is known whose it is; a file's own never.
        structure = not in_file(at) and any(failure.group == "Container" for failure in report.failures)
        if report.ok or not (name in named or told or (name in seal and seal & named) or structure):
            missed.append((at, name, named))
    assert missed == []
    assert len(places) > 1_000


@pytest.mark.parametrize(
    "name", ["README.txt", "timeline.csv", "declaration-draft.pdf", f"calls/{specimen.RECORD}.raw"]
)
def test_a_changed_file_is_named(saved: Save, name: str):
    member = next(member for member in container.read(io.BytesIO(GOOD)) if member.name == name)
    at = member.offset + member.size // 2
    octets = bytearray(GOOD)
    octets[at] ^= 1
    (failure,) = verify(saved(bytes(octets))).failures
    assert failure.file == name


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(octets=st.binary(max_size=2_000))
def test_rubbish_is_a_failed_check(saved: Save, octets: bytes):
    assert not verify(saved(octets)).ok
    assert not verify(saved(octets + GOOD[-22:])).ok


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, len(GOOD)), length=st.integers(1, 400), filler=st.binary(max_size=400))
def test_a_cut_or_spliced_package_is_refused(saved: Save, start: int, length: int, filler: bytes):
    octets = GOOD[:start] + filler + GOOD[start + length :]
    assert octets == GOOD or not verify(saved(octets)).ok


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
TABLES = [layout.CALLS, layout.ANSWERS, layout.PROVIDER_KEYS, layout.PATH_JSON, layout.TRACEBACKS]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from([*TABLES, layout.MANIFEST, layout.CUSTODY]),
    value=JSON,
    where=st.sampled_from(["inside", "instead"]),
)
def test_a_sealed_table_of_odd_values_is_a_failed_check_and_no_exception(
    saved: Save, name: str, value: Any, where: str
):
    files = members(GOOD)
    old = json.loads(files[name].splitlines()[0] if name == layout.CUSTODY else files[name])
    files[name] = json.dumps({**old, next(iter(old)): value} if where == "inside" else value).encode() + b"\n"
    if name == layout.MANIFEST:
        out = io.BytesIO()
        writer = container.Writer(out)
        for member, data in files.items():
            writer.add(member, data)
        writer.close()
        octets = out.getvalue()
    else:
        octets = resealed(files)
    verify(saved(octets))  # whatever it says, it says it


def test_another_sealer_is_told_from_the_custodian_only_by_the_custodians_key(saved: Save):
    forged = resealed(members(GOOD), Ed25519PrivateKey.generate())

    held_against = verify(saved(forged), PEM)
    assert [check.group for check in held_against.failures] == ["Key"]
    alone = verify(saved(forged))
    assert alone.ok
    (key,) = (check for check in alone.checks if check.group == "Key")
    assert key.outcome is Outcome.NOTED
    assert "only the key inside the package was used" in key.finding


def test_a_key_that_is_none_is_a_failed_check(saved: Save):
    assert [check.group for check in verify(saved(GOOD), b"not a key").failures] == ["Key"]


def test_a_recording_that_is_another_than_was_reported_is_found_even_in_a_sealed_package(saved: Save):
    files = members(GOOD)
    name = layout.recording(specimen.RECORD, "audio/x-wav")
    files[name] = b"RIFF another voice"
    report = verify(saved(resealed(files)))
    assert [check.file for check in report.failures] == [name]


def test_an_answer_that_its_provider_did_not_sign_is_found_even_in_a_sealed_package(saved: Save):
    files = members(GOOD)
    name = "answers/RC-1.jws"
    header, payload, signature = files[name].decode().split(".")
    forged = f"{header}.{payload}.{signature[:-4]}AAAA".encode()
    files[name] = forged
    index = json.loads(files[layout.ANSWERS])
    index["answers"][0]["octets_sha256"] = sha256(forged).hexdigest()
    files[layout.ANSWERS] = json.dumps(index).encode()

    (failure,) = [f for f in verify(saved(resealed(files))).failures if f.group != "Tables"]
    assert (failure.group, failure.file) == ("Answers", name)


def test_a_path_table_that_says_more_than_the_answers_is_found(saved: Save):
    def name_another(table: Any) -> Any:
        table["rows"][0]["upstream_spc"] = "999Z"
        return table

    failures = verify(saved(changed(layout.PATH_JSON, name_another))).failures
    assert {failure.group for failure in failures} == {"Provider path"}
    assert any("than the answer RC-1" in failure.finding for failure in failures)


def test_a_table_for_people_that_says_something_else_than_the_one_for_programs_is_found(saved: Save):
    files = members(GOOD)
    for path, _, csv_path in layout.TABLES:
        assert {path, csv_path} <= set(files)
        for spoilt in (files[csv_path].replace(b'"', b"'", 1) + b"x", b"\xff"):
            found = {failure.file for failure in verify(saved(resealed({**files, csv_path: spoilt}))).failures}
            assert csv_path in found, csv_path
        lost = {name: octets for name, octets in files.items() if name != csv_path}
        assert csv_path in {failure.file for failure in verify(saved(resealed(lost))).failures}


def test_an_index_that_states_another_code_than_was_signed_is_found(saved: Save):
    def restate(table: Any) -> Any:
        table["answers"][0]["code"] = "DECLINED"
        return table

    failures = verify(saved(changed(layout.ANSWERS, restate))).failures
    assert any("than what was signed" in failure.finding for failure in failures)


def test_an_origin_that_no_traceback_found_is_found(saved: Save):
    files = members(GOOD)
    manifest = json.loads(files[layout.MANIFEST])
    manifest["facts"]["origin_spc"] = "999Z"
    files[layout.MANIFEST] = json.dumps(manifest).encode()
    (failure,) = verify(saved(resealed(files))).failures
    assert failure.group == "Figures"


@pytest.mark.parametrize("damage", ["drop", "swap", "edit", "repeat"])
def test_a_custody_log_that_lost_an_entry_or_its_order_is_found(saved: Save, damage: str):
    files = members(GOOD)
    lines = files[layout.CUSTODY].splitlines(keepends=True)
    if damage == "drop":
        del lines[1]
    elif damage == "swap":
        lines[1], lines[2] = lines[2], lines[1]
    elif damage == "repeat":
        lines.insert(1, lines[0])
    else:
        lines[1] = lines[1].replace(b"rae@", b"eve@")
    files[layout.CUSTODY] = b"".join(lines)
    (failure,) = verify(saved(resealed(files))).failures
    assert (failure.group, failure.file) == ("Custody", layout.CUSTODY)


def test_a_zip_bomb_a_second_name_and_a_way_out_of_the_folder_are_refused(saved: Save, tmp_path: Path):
    hostile = {
        "bomb": [("a.txt", b"\0" * 50_000_000, zipfile.ZIP_DEFLATED)],
        "twice": [("a.txt", b"1", zipfile.ZIP_STORED), ("a.txt", b"2", zipfile.ZIP_STORED)],
        "out": [("../../etc/passwd", b"1", zipfile.ZIP_STORED)],
        "absolute": [("/etc/passwd", b"1", zipfile.ZIP_STORED)],
    }
    for name, entries in hostile.items():
        path = tmp_path / name
        with zipfile.ZipFile(path, "w") as made:
            for entry, data, method in entries:
                if entry in made.namelist():
                    made.filelist = list(made.filelist)
                    made.NameToInfo.pop(entry, None)
                made.writestr(zipfile.ZipInfo(entry, (1980, 1, 1, 0, 0, 0)), data, method)
        report = verify(path)
        assert not report.ok, name
        assert report.failures[0].group == "Container"


def test_a_file_that_was_added_or_removed_is_named(saved: Save):
    files = members(GOOD)
    out = io.BytesIO()
    writer = container.Writer(out)
    for name, data in files.items():
        if name != "timeline.csv":
            writer.add(name, data)
    writer.add("extra.txt", b"added")
    writer.close()
    named = {failure.file for failure in verify(saved(out.getvalue())).failures}
    assert {"timeline.csv", "extra.txt"} <= named


def test_a_file_that_cannot_be_read_is_a_failed_check(tmp_path: Path):
    assert not verify(tmp_path / "missing.zip").ok
    assert not verify(tmp_path).ok


def test_withheld_octets_are_noted_and_not_counted_as_here(saved: Save):
    whole = specimen.material()
    closed = specimen.material(
        calls=(replace(whole.calls[0], raw=None),), answers=(replace(whole.answers[0], octets=None),)
    )
    report = verify(saved(specimen.octets(closed)))
    assert report.ok
    notes = [check.finding for check in report.checks if check.outcome is Outcome.NOTED]
    assert any("1 call records are here without their raw octets" in note for note in notes)
    assert any("1 answers are here without their octets" in note for note in notes)


def test_the_verifier_needs_no_django_and_no_database(saved: Save):
    script = (
        "import sys; from pathlib import Path; from headwater.evidence.verify import verify; "
        "report = verify(Path(sys.argv[1])); "
        "print(report.ok, sorted({'django', 'psycopg', 'chdb', 'msgspec', 'reportlab'} & set(sys.modules)))"
    )
    path = str(saved(GOOD))
    told = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout == "True []\n"


def test_an_entry_that_is_not_in_the_signed_audit_is_found_even_in_a_sealed_package(saved: Save):
    def other(body: Any) -> Any:
        body["proofs"][1]["path"][0] = "ab" * 32
        return body

    def cut(body: Any) -> Any:
        return {"proofs": body["proofs"][:-1]}

    for change, sequence in ((other, 2), (cut, 9)):
        (failure,) = verify(saved(changed(layout.PROOFS, change)), PEM).failures
        assert (
            failure.finding == f"Entry {sequence} of the custody log is not proven to be in the audit that was signed."
        )
        assert failure.file == layout.PROOFS


def test_a_checkpoint_that_the_audits_key_did_not_sign_is_found_even_in_a_sealed_package(saved: Save):
    files = members(GOOD)
    files[layout.CHECKPOINT] = files[layout.CHECKPOINT].replace(b'"seq":12', b'"seq":13')
    (failure,) = verify(saved(resealed(files)), PEM).failures
    assert failure.file == layout.CHECKPOINT
    for octets in (b"", b"[]", b"{}", b'{"seq":"a"}', b"\xff"):
        files[layout.CHECKPOINT] = octets
        assert [f.file for f in verify(saved(resealed(files)), PEM).failures] == [layout.CHECKPOINT]


def test_a_header_or_a_certificate_that_is_another_is_found_even_in_a_sealed_package(saved: Save):
    files = members(GOOD)
    name = layout.identity(specimen.RECORD)
    for changes, culprit in (
        ({name: b"x.y.z;info=<a>\n"}, name),
        ({layout.certificate("ab" * 32): b"another"}, layout.certificate("ab" * 32)),
    ):
        assert [f.file for f in verify(saved(resealed(files | changes)), PEM).failures] == [culprit]

    def other(body: Any) -> Any:
        body["signatures"][0]["token_sha256"] = "ab" * 32
        return body

    found = verify(saved(changed(layout.SIGNATURES, other)), PEM).failures
    assert {f.file for f in found if f.group != "Tables"} == {layout.SIGNATURES, name}
