"""The operator's commands for registries, sources and exports."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.conf import LazySettings
from typer.testing import CliRunner

from headwater import clock
from headwater.audit.models import AuditEntry
from headwater.calls import queries as calls
from headwater.calls.records import SourceKind
from headwater.calls.store import CallStore
from headwater.cli.main import build
from headwater.errors import Conflict, Invalid
from headwater.intake import feed
from headwater.intake.events.conversations import read_events
from headwater.intake.recordings import Recordings
from headwater.intake.sources import Source
from headwater.providers.registries import index
from headwater.stir.trust import load_trust
from tests.intake.test_vcon import NOW, octets
from tests.providers.registries.files import FILER, rmd
from tests.providers.registries.test_readers import Administrator

pytestmark = pytest.mark.django_db
runner = CliRunner()


def headwater(*words: str) -> Any:
    return runner.invoke(build([words[0]]), list(words))


@pytest.fixture
def home(tmp_path: Path, settings: LazySettings) -> Path:
    settings.HEADWATER = replace(settings.HEADWATER, home=tmp_path, calls_url=f"chdb://{tmp_path}/calls")
    return tmp_path


def test_a_registry_is_loaded_shown_and_looked_up(home: Path) -> None:
    (home / "rmd.csv").write_bytes(rmd(("RMD0001234", "0024926677", "Low Latency")))
    (home / "filers.xml").write_bytes(FILER)
    loaded = headwater("registries", "load", "rmd", str(home / "rmd.csv"), "--as-of", "2026-11-20")
    assert "rmd          as of 2026-11-20 00:00Z  1 entries: 1 new" in loaded.output, loaded.output
    headwater("registries", "load", "filers", str(home / "filers.xml"), "--as-of", "2026-11-20T10:00:00-05:00")
    shown = headwater("registries", "show").output
    assert "filers       as of 2026-11-20 15:00Z" in shown
    assert "blocks       not loaded" in shown
    found = headwater("registries", "lookup", "0024926677").output
    assert "RMD0001234" in found
    assert "LOW LATENCY COMMUNICATIONS LLC" in found
    before = headwater("registries", "lookup", "0024926677", "--at", "2026-01-01")
    assert "at other times: rmd RMD0001234" in before.output
    assert headwater("registries", "lookup", "0000000009").exit_code == 1


def test_a_list_of_numbers_writes_the_index(home: Path) -> None:
    (home / "dno.txt").write_text("2155550100\n")
    headwater("registries", "load", "dno", str(home / "dno.txt"), "--as-of", "2026-11-20", "--list", "itg")
    assert len(index.read(home).dno) == 1
    assert "may not call  subscriber" in headwater("registries", "lookup", "2155550100").output


def test_the_approved_authorities_become_the_trust_list(home: Path) -> None:
    pa = Administrator(clock.now())
    (home / "list.jwt").write_bytes(pa.list_of({"trustList": [pa.pem("CA One"), pa.pem("CA Two")]}))
    (home / "pa.pem").write_bytes(pa.signer)
    words = ("registries", "load", "ca-list", str(home / "list.jwt"), "--as-of", "2026-11-20")
    assert isinstance(headwater(*words).exception, Invalid), "without the certificate nothing can be checked"
    assert "2 entries" in headwater(*words, "--signer", str(home / "pa.pem")).output
    (trusted,) = load_trust(home / "trust")
    assert trusted.name == "US"
    assert len(trusted.anchors) == 2


def test_a_refused_load_says_why_and_is_shown(home: Path) -> None:
    (home / "rmd.csv").write_bytes(rmd())
    refused = headwater("registries", "load", "rmd", str(home / "rmd.csv"), "--as-of", "2026-11-20")
    assert isinstance(refused.exception, Conflict)
    assert "no entry of rmd" in headwater("registries", "show").output
    wrong = headwater("registries", "load", "rmd", str(home / "rmd.csv"), "--as-of", "yesterday")
    assert isinstance(wrong.exception, Invalid)


def test_an_export_masks_and_is_audited_with_its_purpose(home: Path) -> None:
    (event,) = read_events(octets(), Recordings(home), now=NOW)
    pot = Source(source_id="ORG-POT", source_kind=SourceKind.HONEYPOT)
    record = feed.read_line(msgspec.json.encode(event), pot, NOW)
    store = CallStore.open(f"chdb://{home}/calls")
    try:
        store.migrate()
        store.insert([record])
        words = ("calls", "export-vcon", str(record.record_id), "--purpose", "Exhibit 7 of a trial", "--to")
        assert "octets" in headwater(*words, str(home / "masked.vcon")).output
        headwater(*words, str(home / "open.vcon"), "--open-called")
        assert isinstance(headwater(*words[:4], "x").exception, Invalid)
    finally:
        calls.disconnect(f"chdb://{home}/calls")
        store.close()
    assert "3105550111" not in (home / "masked.vcon").read_text()
    opened = json.loads((home / "open.vcon").read_text())
    assert opened["parties"][1] == {"tel": "+13105550111"}
    assert (home / "open.vcon").stat().st_mode & 0o77 == 0
    entries = AuditEntry.objects.filter(subject=str(record.record_id)).order_by("seq")
    assert [entry.tag for entry in entries] == ["call:call:viewed", "call:raw:opened"]
    assert {entry.detail["purpose"] for entry in entries} == {"Exhibit 7 of a trial"}
