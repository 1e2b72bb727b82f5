"""A package holds what the acceptance opened: every campaign, a shorter time, single tracebacks, numbers; no more."""

import io
from pathlib import Path

import pytest
from django.conf import settings

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.alerts.models import Alert
from headwater.audit.actions import checkpoint
from headwater.calls import queries
from headwater.calls.store import CallStore
from headwater.campaigns.models import Campaign, CampaignExemplar, CampaignMember
from headwater.evidence import build, calls_in_scope, gather, keys, path
from headwater.evidence.disclosure import Rule
from headwater.evidence.gather import scope_of
from headwater.evidence.material import Material
from headwater.evidence.models import Package
from headwater.evidence.parts import declaration, measures
from headwater.evidence.verify import verify
from headwater.intake.recordings import Recordings
from headwater.legal import actions, subjects
from headwater.legal.models import LegalProcess
from headwater.legal.rules import Decision, Grant, Subjects
from headwater.tracebacks.models import Traceback
from tests.evidence.conftest import accept, serve
from tests.evidence.scenery import Scene

pytestmark = pytest.mark.django_db


def opened(process_id: str, reviewer: Actor, **grant: object) -> LegalProcess:
    values = {"called_numbers": True, "customer_identity": False, **grant}
    actions.decide(
        reviewer,
        process_id,
        decision=Decision.NARROW,
        reason="Narrower.",
        identity_check="Called.",
        grant=Grant(**values),  # type: ignore[arg-type]
    )
    return LegalProcess.objects.get(id=process_id)


def held(row: LegalProcess) -> tuple[set[str], set[str]]:
    """Return the records and tracebacks that a package of it holds."""
    now = clock.now()
    scope = scope_of(row, now)
    calls = {one["record_id"] for one in calls_in_scope.survey(scope).rows}
    return calls, {one["traceback_id"] for one in path.gather(scope, now).tracebacks}


def test_a_shorter_time_leaves_the_other_calls_out(scene: Scene, agency: Actor, reviewer: Actor):
    members = list(CampaignMember.objects.order_by("call_at"))
    middle = members[4].call_at
    row = opened(serve(scene, agency), reviewer, covers_from=middle)
    calls, traced = held(row)
    assert calls == {str(one.record_id) for one in members if one.call_at >= middle}
    assert traced == set(Traceback.objects.filter(call_at__gte=middle).values_list("id", flat=True))


def test_single_tracebacks_and_numbers_open_no_other_call(scene: Scene, agency: Actor, reviewer: Actor):
    first, second = scene.traceback_ids
    number = CampaignMember.objects.order_by("call_at")[5]
    asked = Subjects(tracebacks=frozenset({first, second}), numbers=frozenset({number.calling}))
    assert subjects.about(agency.organisation_id, asked, None) == scene.campaign.id
    process = serve(scene, agency, subjects=asked)
    row = opened(process, reviewer, left_out=Subjects(tracebacks=frozenset({second})))
    calls, traced = held(row)
    assert calls == {str(Traceback.objects.get(id=first).record_id), str(number.record_id)}
    assert traced == {first}


def tell_of(agency: Actor, campaign_id: str) -> None:
    """Alert the agency of a campaign as it was alerted of the first."""
    alert = Alert.objects.get(organisation_id=agency.organisation_id)
    alert.pk, alert.campaign_id = "AL-0000000002", campaign_id
    alert.save(force_insert=True)


def second_campaign(scene: Scene) -> tuple[str, list[CampaignMember]]:
    """Give three of the scene's calls a campaign of their own, newest first, and return both."""
    other = Campaign.objects.get()
    other.pk = "C-0000000002"
    other.name, other.name_is_new = "Medicare-Card", False
    other.save(force_insert=True)
    moved = list(CampaignMember.objects.order_by("-call_at")[:3])
    CampaignMember.objects.filter(record_id__in=[one.record_id for one in moved]).update(campaign=other)
    CampaignExemplar.objects.filter(record_id__in=[one.record_id for one in moved]).update(campaign=other)
    return other.id, moved


def material_of(process_id: str, reviewer: Actor, store: CallStore, home: Path) -> Material:
    gathering = gather.begin(Package.objects.get(id=accept(reviewer, process_id)), clock.now())
    checkpoint()
    return gather.finish(gathering, queries.connect(settings.HEADWATER.calls_url), Recordings(home))


def test_a_package_holds_every_campaign_that_was_opened_each_with_its_own_figures(
    scene: Scene, agency: Actor, reviewer: Actor, call_store: tuple[str, CallStore], home: Path
):
    second, moved = second_campaign(scene)
    tell_of(agency, second)
    both = Subjects(campaigns=frozenset({scene.campaign.id, second}))
    found = material_of(serve(scene, agency, subjects=both), reviewer, call_store[1], home)
    main, other = found.campaigns
    assert (main.id, other.id) == (scene.campaign.id, second)
    assert (main.in_scope.calls, other.in_scope.calls, found.in_scope.calls) == (5, 3, 8)
    assert {row["campaign"] for row in found.members} == {main.id, other.id}
    assert other.ringing.last_call_at == moved[0].call_at
    said = " ".join(sentence for sentence in declaration.ringing_sentences(found))
    assert f"campaign {main.id} was still ringing" in said
    assert f"campaign {other.id} was still ringing" in said
    of = {row["campaign"] for row in measures.table(found)}
    assert of == {main.id, other.id, ""}

    first, again = io.BytesIO(), io.BytesIO()
    key = keys.load(home / "secrets")
    build.write(first, found, key)
    build.write(again, found, key)
    assert first.getvalue() == again.getvalue()
    file = home / "two.zip"
    file.write_bytes(first.getvalue())
    report = verify(file, key=keys.pem(key.public_key()))
    assert report.ok, report.failures


def test_calls_of_a_number_are_in_the_package_whatever_their_campaign_and_tell_nothing_of_the_rest_of_it(
    scene: Scene, agency: Actor, reviewer: Actor, call_store: tuple[str, CallStore], home: Path
):
    second, moved = second_campaign(scene)
    number = "12025550199"
    CampaignMember.objects.filter(record_id=moved[1].record_id).update(calling=number)
    asked_for = Subjects(campaigns=frozenset({scene.campaign.id}), numbers=frozenset({number}))
    found = material_of(serve(scene, agency, subjects=asked_for), reviewer, call_store[1], home)
    other = next(one for one in found.campaigns if one.id == second)
    assert (other.whole, other.calls_known, other.in_scope.calls) == (False, 1, 1)
    assert other.ringing.last_call_at == moved[1].call_at != moved[0].call_at
    assert any(second in limit for limit in found.limits)
    assert not any(second == event["subject"] and "Campaign is" in event["what"] for event in found.timeline)


def test_what_the_acceptance_left_out_is_listed_as_withheld(scene: Scene, agency: Actor, reviewer: Actor):
    first, second = scene.traceback_ids
    row = opened(
        serve(scene, agency, subjects=Subjects(tracebacks=frozenset({first, second}))),
        reviewer,
        left_out=Subjects(tracebacks=frozenset({second})),
    )
    told = [one for one in gather.not_opened(scope_of(row, clock.now())) if one.rule is Rule.NARROWED]
    assert [(one.what, one.count) for one in told] == [("tracebacks", 1)]
    assert second in told[0].why
