"""The upload pages, as somebody at a carrier uses them: bring, look, confirm, see what became of it."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.intake.cdr.exchange import Answer, Part
from headwater.uploads import actions
from headwater.uploads.models import Upload
from headwater.uploads.queries import safe_cell
from tests.intake.cdr.keepers import Store

pytestmark = pytest.mark.django_db
ROWS = (
    b'"wholesale","4045550123","3105550142","in","x","PJSIP/b-00070544","PJSIP/c-00070545","Dial","",'
    b'"2026-11-20 14:10:07","2026-11-20 14:10:12","2026-11-20 14:10:28",21,16,"ANSWERED","DOCUMENTATION"\n'
)
OWN = b"when;from;to;trunk\n11/20/2026 14:10:07;4045550123;3105550142;carrierB\n=cmd|' /C calc'!A0;1;2;x\n"


@pytest.fixture
def home(tmp_path: Path, settings: Any) -> Path:
    settings.HEADWATER = replace(settings.HEADWATER, home=tmp_path)
    return tmp_path


def bring(client: Client, octets: bytes, name: str = "Master.csv") -> str:
    answer = client.post("/uploads/new", {"file": SimpleUploadedFile(name, octets)})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer.url)


def stored(row: Upload, home: Path) -> Store:
    keeper = Store(row.organisation_id)
    actions.store(row.id, home, lambda _: keeper)
    return keeper


def test_a_file_of_local_times_is_not_read_before_somebody_says_whose(provider_client: Client, home: Path) -> None:
    path = bring(provider_client, ROWS)
    page = provider_client.get(path).content.decode()
    assert "without a zone" in page
    assert "Store these rows" not in page
    answer = provider_client.post(path, {"format": "auto", "header": "on", "zone": "America/New_York", "confirm": "1"})
    assert answer.status_code == 302
    row = Upload.objects.get()
    assert (row.state, row.format, row.zone) == ("queued", "asterisk-csv", "America/New_York")


def test_the_preview_shows_what_was_understood_with_the_called_number_masked(
    provider_client: Client, home: Path
) -> None:
    path = bring(provider_client, ROWS)
    page = provider_client.post(path, {"format": "auto", "header": "on", "zone": "America/New_York"}).content.decode()
    assert "2026-11-20 19:10:07.000" in page
    assert "14045550123" in page
    assert "3105550142" not in page
    assert "+1 310 *** ****" in page


def test_confirmed_rows_reach_the_store_once_and_the_page_says_so(provider_client: Client, home: Path) -> None:
    path = bring(provider_client, ROWS)
    provider_client.post(path, {"format": "auto", "header": "on", "zone": "UTC", "confirm": "1"})
    row = Upload.objects.get()
    keeper = stored(row, home)
    assert [record.called for record in keeper.records] == ["13105550142"]
    assert keeper.records[0].headers["file-name"] == "Master.csv"
    row.refresh_from_db()
    assert (row.state, row.stored, row.refused) == ("stored", 1, 0)
    assert not (home / "uploads" / row.id / "file").exists()
    assert stored(row, home).records == []  # a second run of the job does nothing
    assert "Stored" in provider_client.get(path).content.decode()
    tags = set(AuditEntry.objects.filter(subject=row.id).values_list("tag", flat=True))
    assert {"upload:file:received", "upload:file:confirmed", "upload:file:settled"} <= tags


def test_an_own_format_is_a_few_columns_in_a_form_and_refused_rows_can_be_fetched(
    provider_client: Client, home: Path
) -> None:
    path = bring(provider_client, OWN, "../../etc/passwd")
    choice = {
        "format": "own", "header": "on", "zone": "UTC", "delimiter": ";", "start": "when",
        "pattern": "%m/%d/%Y %H:%M:%S", "calling": "from", "called": "to", "trunk_in": "trunk",
    }  # fmt: skip
    page = provider_client.post(path, choice).content.decode()
    assert "2026-11-20 14:10:07.000" in page
    assert "Not read:" in page
    provider_client.post(path, choice | {"confirm": "1"})
    row = Upload.objects.get()
    assert row.name == "passwd"
    assert len(stored(row, home).records) == 1
    refused = b"".join(provider_client.get(f"{path}refused.csv")).decode()  # type: ignore[call-overload]  # streamed
    assert "\"'=cmd|" in refused
    assert refused.count("\n") == 2


def test_another_carriers_upload_does_not_exist(provider_client: Client, home: Path, other_provider: Actor) -> None:
    path = bring(provider_client, ROWS)
    Upload.objects.update(organisation_id=other_provider.organisation_id)
    for answer in (
        provider_client.get(path),
        provider_client.get(f"{path}refused.csv"),
        provider_client.post(f"{path}withdraw"),
    ):
        assert answer.status_code == 404
    assert Upload.objects.get().state == "uploaded"


def test_a_withdrawn_file_is_gone_and_cannot_be_confirmed(
    provider_client: Client, home: Path, django_capture_on_commit_callbacks: object
) -> None:
    path = bring(provider_client, ROWS)
    row = Upload.objects.get()
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]  # a fixture's function
        provider_client.post(f"{path}withdraw")
    assert not (home / "uploads" / row.id).exists()
    answer = provider_client.post(path, {"format": "auto", "zone": "UTC", "confirm": "1"})
    assert answer.status_code == 200
    row.refresh_from_db()
    assert row.state == "withdrawn"


def test_nobody_who_is_not_signed_in_makes_us_read_a_file(client: Client, home: Path) -> None:
    answer = client.post("/uploads/new", {"file": SimpleUploadedFile("x", ROWS)})
    assert answer.status_code in {302, 404}
    assert not (home / "uploads").exists()


def test_a_file_larger_than_an_upload_may_be_leaves_nothing(provider: Actor, home: Path) -> None:
    with pytest.raises(actions.TooLarge):
        actions.receive(provider, "big.csv", iter([b"x" * 60, b"x" * 60]), home, most=100)
    assert not list((home / "uploads").iterdir())
    assert not Upload.objects.exists()


def test_a_file_that_is_none_of_its_format_fails_and_may_be_read_otherwise(provider_client: Client, home: Path) -> None:
    path = bring(provider_client, ROWS)
    provider_client.post(path, {"format": "auto", "zone": "UTC", "confirm": "1"})
    row = Upload.objects.get()

    class Refusing:
        def take(self, _part: Part, _octets: bytes, /) -> Answer:
            raise actions.Invalid("the file is not what it seemed")

    actions.store(row.id, home, lambda _: Refusing())
    row.refresh_from_db()
    assert row.state == "upload_failed"
    assert "not what it seemed" in provider_client.get(path).content.decode()
    provider_client.post(path, {"format": "asterisk-csv", "zone": "UTC", "confirm": "1"})
    row.refresh_from_db()
    assert row.state == "queued"


@pytest.mark.parametrize("text", ["=1+1", "+1215", "-2", "@x", "\tx", "\r=x"])
def test_no_cell_of_a_reject_file_is_a_formula(text: str) -> None:
    assert safe_cell(text)[0] == "'"
    assert io.StringIO(safe_cell(text)).read() == f"'{text}"
