"""Files of outsiders before the virus scanner: a real clamd where this machine has one, and every way it may fail."""

import dataclasses
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from django.conf import LazySettings

from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.cases import actions as cases
from headwater.cases.models import CaseDocument
from headwater.errors import Invalid, Unavailable
from headwater.legal import actions as legal
from headwater.legal.documents import inspect
from headwater.legal.models import LegalProcess
from headwater.reports import actions as reports
from headwater.reports.models import AgencyReport
from headwater.site.config import load
from headwater.uploads import scanning
from tests.evidence.conftest import asked
from tests.evidence.scenery import PDF

pytestmark = pytest.mark.django_db
MARK = b"headwater-test-signature-7f2c"
INFECTED = PDF.replace(b"\n", b"\n%" + MARK + b"\n", 1)


@pytest.fixture(scope="module")
def clamd() -> Iterator[str]:
    """A real scanner with one signature of our own: the public ones need a network."""
    program = shutil.which("clamd")
    if program is None:
        pytest.skip("no clamd on this machine: on Debian, apt-get install clamav-daemon")
    # The path of a unix socket has 107 octets at most; pytest's folders may be longer.
    with tempfile.TemporaryDirectory(prefix="hw-clam-") as name:
        folder = Path(name)
        (folder / "own.ndb").write_text(f"Headwater.Test:0:*:{MARK.hex()}\n")
        (folder / "conf").write_text(
            f"DatabaseDirectory {folder}\nLocalSocket {folder}/socket\nForeground yes\nStreamMaxLength 21M\n"
        )
        process = subprocess.Popen([program, "-c", str(folder / "conf")], stdout=subprocess.DEVNULL)
        try:
            for _ in range(600):
                if (folder / "socket").exists():
                    break
                assert process.poll() is None
                time.sleep(0.1)
            yield f"unix://{folder}/socket"
        finally:
            process.terminate()
            process.wait(20)


def use(settings: LazySettings, place: str) -> None:
    settings.HEADWATER = dataclasses.replace(settings.HEADWATER, clamd=place)


def test_a_known_malicious_file_is_kept_at_no_door_and_the_audit_says_so(
    clamd: str, settings: LazySettings, agency: Actor
) -> None:
    use(settings, clamd)
    case = cases.open_case(agency, title="Ours")
    cases.keep_document(agency, case, "clean.pdf", PDF)
    for bring in (
        lambda: cases.keep_document(agency, case, "bad.pdf", INFECTED),
        lambda: reports.report_file(agency, "calls.csv", b"call_at,called\n" + MARK),
        lambda: legal.draft(agency, "AL-0000000000", asked(), inspect("bad.pdf", INFECTED)),
    ):
        with pytest.raises(scanning.Infected, match=r"Headwater\.Test"):
            bring()
    assert [held.filename for held in CaseDocument.objects.all()] == ["clean.pdf"]
    assert not AgencyReport.objects.exists()
    assert not LegalProcess.objects.exists()
    entries = AuditEntry.objects.filter(tag="document:upload:infected")
    assert [(entry.actor, "Headwater.Test" in str(entry.detail)) for entry in entries] == [(agency.label, True)] * 3


def test_the_largest_document_passes_in_pieces(clamd: str, settings: LazySettings, agency: Actor) -> None:
    use(settings, clamd)
    scanning.check(agency, b"\0" * (20 << 20), "large.pdf")
    with pytest.raises(Unavailable, match="of this size"):
        scanning.check(agency, b"\0" * (22 << 20), "larger than the scanner takes")


@pytest.mark.parametrize("said", [b"", b"stream: ERROR\0", b"nonsense" * 2_000, b"stream: OK"[:5]])
def test_a_scanner_that_says_neither_lets_nothing_pass(said: bytes, settings: LazySettings, agency: Actor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                while not connection.recv(65_536).endswith(b"\0\0\0\0"):
                    pass
                connection.sendall(said)

        thread = Thread(target=answer)
        thread.start()
        use(settings, f"tcp://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(Unavailable):
            scanning.check(agency, b"%PDF", "x.pdf")
        thread.join()


@pytest.mark.parametrize("place", ["unix:///nowhere/socket", "tcp://127.0.0.1:9"])
def test_while_the_scanner_is_away_nothing_is_kept(place: str, settings: LazySettings, agency: Actor) -> None:
    case = cases.open_case(agency, title="Ours")
    use(settings, place)
    with pytest.raises(Unavailable, match="does not answer"):
        cases.keep_document(agency, case, "x.pdf", PDF)
    assert not CaseDocument.objects.exists()


def test_without_a_scanner_files_are_taken_as_before(agency: Actor) -> None:
    cases.keep_document(agency, cases.open_case(agency, title="Ours"), "x.pdf", PDF)
    assert CaseDocument.objects.exists()


@pytest.mark.parametrize("place", ["tcp://scanner.example:3310", "http://127.0.0.1", "unix:relative", "/run/clamd"])
def test_octets_go_to_no_other_machine(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_CLAMD", place)
    with pytest.raises(Invalid, match="HEADWATER_CLAMD"):
        load()
