"""A package holds what the acceptance opened: a shorter time, single tracebacks or numbers, and nothing beside them."""

import pytest

from headwater.accounts.actors import Actor
from headwater.campaigns.models import CampaignMember
from headwater.evidence import calls_in_scope, path
from headwater.evidence.gather import scope_of
from headwater.legal import actions, subjects
from headwater.legal.models import LegalProcess
from headwater.legal.rules import Decision, Grant, Subjects
from headwater.tracebacks.models import Traceback
from tests.evidence.conftest import serve
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
    from headwater import clock

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
