"""An analyst looks into the registries and at the sources that are asked."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import LazySettings

from headwater.accounts.actors import system
from headwater.connectors.models import Connector, Pull
from headwater.providers import actions as providers
from headwater.providers.registries import actions
from headwater.providers.registries.entries import Registry
from tests.conftest import Browser
from tests.providers.registries.files import FILER, OCN_LIST, blocks, rmd

pytestmark = pytest.mark.django_db
OPERATOR = system("operator")


@pytest.fixture
def loaded(tmp_path: Path) -> str:
    """Load a little of each registry; return a provider's identifier."""

    def load(registry: Registry, octets: bytes, day: int, part: str = "") -> None:
        path = tmp_path / f"{registry}.export"
        path.write_bytes(octets)
        new = actions.NewLoad(registry=registry, as_of=datetime(2026, 11, day, tzinfo=UTC), part=part)
        actions.load(OPERATOR, new, path)

    provider = providers.register(OPERATOR, providers.NewProvider(name="Low Latency", spc="006L", frn="0024926677"))
    load(Registry.RMD, rmd(("RMD0001234", "0024926677", "Low Latency Communications")), 1)
    load(Registry.RMD, rmd(("RMD0001234", "0024926677", "LLC Voice")), 10)
    load(Registry.FILERS, FILER, 1)
    load(Registry.OCN, OCN_LIST, 1)
    load(Registry.BLOCKS, blocks("PA,215-555,,006L,Voyage,PHILA,01/02/2020,AS"), 1)
    load(Registry.DNO, b"number,kind\n2155550100,subscriber\n", 1, part="itg")
    with pytest.raises(actions.LoadRefused):
        load(Registry.OCN, OCN_LIST[:900], 12)
    return provider.id


def test_the_registries_are_listed_with_their_moment_and_what_was_refused(desk_client: Browser, loaded: str) -> None:
    page = desk_client.get("/registries/").content.decode()
    assert "Robocall Mitigation Database (FCC)" in page
    assert "2026-11-10 00:00" in page
    assert "Do-not-originate list, itg" in page
    assert "It may have been cut off" in page
    assert "not loaded" in page


def test_a_number_is_told_with_its_holder_and_why_it_may_not_call(desk_client: Browser, loaded: str) -> None:
    page = desk_client.get("/registries/", {"q": "+1 215 555 0100"}).content.decode()
    assert "006L" in page
    assert "None may be made" in page
    assert "its holder lets no call be made from it" in page
    assert "cannot be told" in desk_client.get("/registries/", {"q": "3135550100"}).content.decode()


def test_a_company_is_shown_as_of_a_day(desk_client: Browser, loaded: str) -> None:
    then = desk_client.get("/registries/", {"q": "0024926677", "at": "2026-11-05"}).content.decode()
    assert "Low Latency Communications</h3>" in then
    now = desk_client.get("/registries/", {"q": "0024926677"}).content.decode()
    assert "LLC Voice</h3>" in now
    assert "At other times" in now


def test_what_cannot_be_looked_up_is_said(desk_client: Browser, loaded: str) -> None:
    assert "is no number, FRN, OCN" in desk_client.get("/registries/", {"q": "x"}).content.decode()
    assert "is no day" in desk_client.get("/registries/", {"q": "0024926677", "at": "soon"}).content.decode()
    assert (
        "No registry that is loaded lists it" in desk_client.get("/registries/", {"q": "0000000009"}).content.decode()
    )


def test_a_provider_of_the_register_has_its_listings(desk_client: Browser, loaded: str) -> None:
    page = desk_client.get(f"/registries/provider/{loaded}/").content.decode()
    assert "Low Latency (006L)" in page
    assert "LOW LATENCY COMMUNICATIONS LLC" in page
    assert "VoyageNetworks" in page
    assert "241 APPLEGATE TRACE, PELHAM, AL, 35124" in page
    assert f"/registries/provider/{loaded}/" in desk_client.get("/registries/", {"q": "006L"}).content.decode()
    old = desk_client.get(f"/registries/provider/{loaded}/", {"at": "2026-10-01"}).content.decode()
    assert "No registry that is loaded lists it on that day" in old
    assert desk_client.get("/registries/provider/PR-0000000000/").status_code == 404


def test_the_sources_that_are_asked_are_shown_with_their_troubles(
    desk_client: Browser, tmp_path: Path, settings: LazySettings
) -> None:
    settings.HEADWATER = replace(settings.HEADWATER, home=tmp_path)
    assert "No source is asked" in desk_client.get("/sources/").content.decode()
    (tmp_path / "connectors").mkdir()
    (tmp_path / "connectors" / "broken.toml").write_text("name = [")
    (tmp_path / "connectors" / "ftc.toml").write_text(
        'name="ftc"\nkind="ftc"\nurl="https://api.ftc.gov/v0/dnc-complaints"\nmapping="ftc-dnc-api"\ntoken_file="secrets/t"\n'
    )
    at = datetime(2026, 11, 24, 15, tzinfo=UTC)
    error = "api.ftc.gov answered 500"
    row = Connector.objects.create(
        name="ftc",
        cursor={"at": {"day": "2026-11-23", "offset": 50}},
        failures=3,
        last_error=error,
        stored=1_234,
        refused=7,
    )
    Pull.objects.create(connector=row, started_at=at, ended_at=at, outcome="failed", error=error, pages=2)
    page = desk_client.get("/sources/").content.decode()
    assert "day 2026-11-23, offset 50" in page
    assert "api.ftc.gov answered 500" in page
    assert "3 times one after the other" in page
    assert "1,234" in page
    assert "File does not hold" in page
