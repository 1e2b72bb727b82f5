from datetime import timedelta

import pytest

from headwater.accounts.actors import Actor
from headwater.accounts.models import Organisation
from headwater.accounts.permissions import OrganisationKind
from headwater.alerts import actions, queries
from headwater.alerts.models import Alert
from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.campaigns import actions as campaigns
from headwater.campaigns import memory
from headwater.campaigns.models import Campaign
from headwater.errors import NotFound
from tests.campaigns.material import NOW, report, scripts_of

pytestmark = pytest.mark.django_db

MICHIGAN, OHIO, TEXAS = "+13135550101", "+16145550102", "+12145550103"


@pytest.fixture
def federal(db: None) -> Organisation:
    return Organisation.objects.create(kind=OrganisationKind.AGENCY, name="Federal agency", created_at=NOW)


def ring(*called: str, first: int = 1) -> Campaign:
    """Let one script ring the given numbers, and return its campaign."""
    text = scripts_of("Legal-Enforcement-Notice")[0]
    records = [report(first + i, text, called=number) for i, number in enumerate(called)]
    campaigns.observe(memory.load(), records, now=NOW)
    return Campaign.objects.get()


def test_agencies_of_states_that_were_hit_and_federal_ones_are_told(
    agency: Actor, other_agency: Actor, federal: Organisation
):
    campaign = ring(MICHIGAN, MICHIGAN, TEXAS)
    actions.send_for_campaign(campaign.id, now=NOW)

    told = set(Alert.objects.values_list("organisation_id", flat=True))
    assert told == {agency.organisation_id, federal.id}
    assert other_agency.organisation_id not in told


def test_an_alert_says_what_was_known(agency: Actor):
    campaign = ring(MICHIGAN, TEXAS, MICHIGAN)
    (alert_id,) = actions.send_for_campaign(campaign.id, now=NOW)
    facts = queries.alert(agency, alert_id).facts

    assert (facts["name"], facts["name_status"], facts["state"]) == (campaign.name, "proposed", "confirmed")
    assert (facts["calls"], facts["calls_in_state"], facts["states_hit"]) == (3, 2, {"MI": 2, "TX": 1})
    assert facts["samples"][0]["transcript"] == scripts_of("Legal-Enforcement-Notice")[0]
    assert facts["samples"][0]["called_state"] == "MI"


def test_no_alert_shows_a_called_number(agency: Actor):
    (alert_id,) = actions.send_for_campaign(ring(MICHIGAN, TEXAS, MICHIGAN).id, now=NOW)
    facts = str(queries.alert(agency, alert_id).facts)

    assert "+1 313 *** ****" in facts
    assert MICHIGAN.removeprefix("+") not in facts


def test_sending_twice_tells_nobody_twice_and_a_new_state_tells_one_more(agency: Actor, other_agency: Actor):
    campaign = ring(MICHIGAN, MICHIGAN, MICHIGAN)
    assert len(actions.send_for_campaign(campaign.id, now=NOW)) == 1
    assert actions.send_for_campaign(campaign.id, now=NOW) == []

    ring(OHIO, first=50)

    (alert_id,) = actions.send_for_campaign(campaign.id, now=NOW)
    assert queries.alert(other_agency, alert_id).row.state == "OH"


def test_nobody_is_told_of_a_suspicion(agency: Actor):
    assert actions.send_for_campaign(ring(MICHIGAN, MICHIGAN).id, now=NOW) == []
    assert Alert.objects.count() == 0


def test_an_agency_sees_its_own_alerts_only(agency: Actor, other_agency: Actor, desk: Actor, provider: Actor):
    campaign = ring(MICHIGAN, OHIO, MICHIGAN)
    actions.send_for_campaign(campaign.id, now=NOW)

    (own,) = queries.alerts(agency)
    (others,) = queries.alerts(other_agency)
    assert (own.state, others.state) == ("MI", "OH")
    assert len(queries.alerts(desk)) == 2
    assert queries.alerts(provider) == []
    for stranger in (other_agency, provider):
        with pytest.raises(NotFound):
            actions.read(stranger, own.id, now=NOW)
    assert not AuditEntry.objects.filter(tag=Tag.ALERT_READ).exists()


def test_the_first_reading_is_noted_and_every_reading_audited(agency: Actor, desk: Actor):
    (alert_id,) = actions.send_for_campaign(ring(MICHIGAN, MICHIGAN, MICHIGAN).id, now=NOW)

    actions.read(desk, alert_id, now=NOW)
    assert Alert.objects.get().first_read_at is None
    actions.read(agency, alert_id, now=NOW + timedelta(minutes=1))
    actions.read(agency, alert_id, now=NOW + timedelta(minutes=2))

    assert Alert.objects.get().first_read_at == NOW + timedelta(minutes=1)
    readers = AuditEntry.objects.filter(tag=Tag.ALERT_READ).order_by("seq").values_list("actor", flat=True)
    assert list(readers) == [desk.label, agency.label, agency.label]
    assert AuditEntry.objects.filter(tag=Tag.ALERT_SENT, subject=alert_id).count() == 1
