"""After the sealing: what the campaign did since, live and as a signed series."""

from datetime import timedelta
from typing import Any

import pytest

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.campaigns.models import CampaignMember
from headwater.errors import Conflict, Forbidden, NotFound
from headwater.evidence import addendum, keys
from headwater.evidence.models import Package
from headwater.legal.models import LegalProcess
from headwater.relief import addenda
from headwater.relief.models import PackageAddendum
from tests.conftest import Browser
from tests.evidence.scenery import Scene

pytestmark = pytest.mark.django_db


def ring(scene: Scene, calls: int, *, after: timedelta = timedelta(0)) -> None:
    CampaignMember.objects.bulk_create(
        CampaignMember(
            record_id=f"{n:032x}", campaign=scene.campaign, call_at=clock.now() + after, joined_at=clock.now(),
            source_id="app", source_kind="app", calling="12025550123", called_masked="x", score=1.0, rule_version="t",
            reasons={},
        )
        for n in range(calls)
    )  # fmt: skip


def signed(agency: Actor, package: Package, home: Any) -> tuple[str, bytes]:
    addendum_id = addenda.ask(agency, package.id)
    addenda.sign(addendum_id, keys.load(home / "secrets"), now=clock.now())
    return addenda.document(agency, package.id, addendum_id)


def test_calls_since_the_sealing_are_counted_by_who_reported_them(package: Package, scene: Scene, agency: Actor):
    before = addenda.since(agency, package.id, now=clock.now())
    assert (before.calls_since, before.campaigns[0].at_sealing["still_ringing"]) == (0, True)
    ring(scene, 7)
    after = addenda.since(agency, package.id, now=clock.now())
    assert (after.calls_since, dict(after.by_source)) == (7, {"app": 7})
    alive = after.campaigns[0].alive
    assert alive.still_ringing
    assert alive.rate_low < alive.rate_per_minute < alive.rate_high
    assert AuditEntry.objects.filter(tag=Tag.ADDENDUM_VIEWED, subject=package.id).count() == 2


def test_a_snapshot_is_signed_by_the_key_of_the_package_and_names_it(
    package: Package, scene: Scene, agency: Actor, home: Any, custodian_key: bytes
):
    ring(scene, 3)
    name, octets = signed(agency, package, home)
    found = addendum.check(octets, custodian_key)
    said = found.statement
    assert name == f"{package.id}-addendum-1.json"
    assert (said["calls_since_sealing"], said["package_manifest_sha256"]) == (3, package.manifest_sha256)
    assert (said["previous"], found.key_id) == ("", package.key_id)
    ring_again = CampaignMember.objects.count()
    _, second = signed(agency, package, home)
    later = addendum.check(second, custodian_key).statement
    assert (later["number"], later["previous"]) == (2, found.sha256)
    assert CampaignMember.objects.count() == ring_again


def test_signing_twice_changes_nothing(package: Package, agency: Actor, home: Any):
    addendum_id = addenda.ask(agency, package.id)
    with pytest.raises(Conflict, match="being signed"):
        addenda.ask(agency, package.id)
    with pytest.raises(NotFound):
        addenda.document(agency, package.id, addendum_id)
    key = keys.load(home / "secrets")
    addenda.sign(addendum_id, key, now=clock.now())
    first = PackageAddendum.objects.get().sha256
    addenda.sign(addendum_id, key, now=clock.now() + timedelta(hours=1))
    assert PackageAddendum.objects.get().sha256 == first
    addenda.sign("AD-NONE", key, now=clock.now())


@pytest.mark.parametrize("who", ["other_agency", "provider"])
def test_nobody_else_learns_of_a_package_s_addenda(
    package: Package, agency: Actor, home: Any, who: str, request: pytest.FixtureRequest
):
    signed(agency, package, home)
    stranger: Actor = request.getfixturevalue(who)
    addendum_id = PackageAddendum.objects.get().id
    for step in (
        lambda: addenda.since(stranger, package.id, now=clock.now()),
        lambda: addenda.ask(stranger, package.id),
        lambda: addenda.document(stranger, package.id, addendum_id),
    ):
        with pytest.raises((NotFound, Forbidden)):
            step()


def test_the_addendum_ends_with_the_access_of_the_process(package: Package, agency: Actor, custodian: Actor):
    LegalProcess.objects.filter(id=package.process_id).update(access_until=clock.now() - timedelta(seconds=1))
    with pytest.raises(Forbidden, match="was open until"):
        addenda.since(agency, package.id, now=clock.now())
    with pytest.raises(Forbidden, match="was open until"):
        addenda.ask(agency, package.id)
    # The custodian answers for the package still.
    assert addenda.since(custodian, package.id, now=clock.now()).package_id == package.id


def test_the_page_shows_the_figures_and_takes_the_wish_for_a_snapshot(
    package: Package, agency_client: Browser, agency: Actor, home: Any
):
    page = agency_client.get(f"/packages/{package.id}/addendum/")
    assert page.status_code == 200
    assert "The campaign still rings." in page.content.decode()
    assert agency_client.post(f"/packages/{package.id}/addendum/sign/").status_code == 302
    waiting = PackageAddendum.objects.get()
    assert "being signed" in agency_client.get(f"/packages/{package.id}/addendum/live/").content.decode()
    addenda.sign(waiting.id, keys.load(home / "secrets"), now=clock.now())
    file = agency_client.get(f"/packages/{package.id}/addendum/{waiting.id}.json")
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert addendum.check(b"".join(file.streaming_content)).statement["package"] == package.id
