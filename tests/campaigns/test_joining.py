from datetime import timedelta

import pytest

from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.calls.records import SourceKind
from headwater.campaigns import actions, edits, joined, memory
from headwater.campaigns.joining import JOIN_AT, WITHIN, Trace, join, weigh
from headwater.campaigns.models import Campaign, CampaignMember, JoinedReport
from headwater.numbering.numbers import canonical
from tests.campaigns.material import NOW, report, scripts_of

SCAM = canonical("+12155550142")
NEXT_DOOR = canonical("+12155557777")
TEXTS = scripts_of("Legal-Enforcement-Notice")


def trace(**other: object) -> Trace:
    fields = {
        "campaign_id": "C-1",
        "family": "legal-threat",
        "same_number": True,
        "calls": 3,
        "campaigns": 1,
        "nearest_at": NOW,
    }
    return Trace(**{**fields, **other})


def decide(*traces: Trace, category: str = "", whole_day: bool = False, at=NOW) -> str:
    found = join(traces, at=at, category=category, whole_day=whole_day)
    return found.campaign_id if found else ""


def test_the_number_or_a_used_office_code_joins_within_three_days():
    assert decide(trace()) == "C-1"
    assert decide(trace(same_number=False)) == "C-1"
    assert decide(trace(), at=NOW + WITHIN) == "C-1"
    assert decide(trace(), at=NOW + WITHIN + timedelta(minutes=1)) == ""


def test_an_office_code_that_was_used_once_may_be_chance():
    assert decide(trace(same_number=False, calls=1)) == ""
    assert decide(trace(same_number=False, calls=1), category="warranty") == ""


def test_what_the_call_was_about_speaks_for_and_against():
    assert decide(trace(), category="travel") == "", "a hotel's offer is no legal threat"
    assert decide(trace(campaigns=2)) == ""
    assert decide(trace(campaigns=2), category="impersonation") == "C-1"
    assert decide(trace(family=""), category="travel") == "C-1", "an unknown family contradicts nothing"


def test_two_campaigns_that_are_as_likely_get_nothing_unless_one_rang_within_the_hour():
    other = trace(campaign_id="C-2", nearest_at=NOW - timedelta(hours=5))
    assert decide(trace(nearest_at=NOW - timedelta(hours=4)), other) == ""
    assert decide(trace(), other) == "C-1"
    assert decide(trace(), other, whole_day=True) == "", "a day tells no hour"


def test_the_weights_that_are_shown_add_up_to_the_probability():
    found = weigh(trace(campaigns=3), at=NOW, category="impersonation", whole_day=False)
    odds = sum(found.reasons["weights"].values())
    assert found.probability == pytest.approx(1 / (1 + 2.718281828**-odds), abs=1e-3)


def complaint(number: int, calling=SCAM, **other):
    headers = {"category": "impersonation", "call_at_precision": "second"}
    return report(number, "", **{"calling": calling, "source_kind": SourceKind.COMPLAINT, "headers": headers, **other})


def observe(*records) -> None:
    actions.observe(memory.load(), list(records), now=NOW)


@pytest.mark.django_db
def test_complaints_before_and_after_speak_for_the_campaign_and_are_not_its_calls(desk):
    observe(complaint(50, at=NOW - timedelta(hours=2)))
    assert joined.join_waiting(now=NOW) == 0

    observe(*(report(n, text, calling=SCAM) for n, text in enumerate(TEXTS[:3])))
    observe(complaint(51), complaint(52, NEXT_DOOR), complaint(53, canonical("+13125550100")), complaint(51))
    assert joined.join_waiting(now=NOW) == 3
    assert joined.join_waiting(now=NOW) == 0

    campaign = Campaign.objects.get()
    assert campaign.calls == CampaignMember.objects.count() == 3
    page = joined.page(desk, campaign.id)
    assert (page.complaints, page.tags) == (3, 0)
    by = {row.calling: row for row in page.rows}
    assert by[NEXT_DOOR].sentence == "Same office code as 3 of its calls, within the hour."
    assert min(row.probability for row in page.rows) >= JOIN_AT
    assert AuditEntry.objects.get(tag=Tag.CAMPAIGN_REPORTS_JOINED).detail == {"reports": 3}
    assert JoinedReport.objects.get(campaign__isnull=True).calling == canonical("+13125550100")


@pytest.mark.django_db
def test_a_tag_of_an_app_joins_as_a_complaint_does_and_a_bare_report_is_passed_over(desk):
    observe(*(report(n, text, calling=SCAM) for n, text in enumerate(TEXTS[:3])))
    observe(
        report(60, "", calling=SCAM, labels=["app=scam"]),
        report(61, "", calling=SCAM),
        report(62, "", calling="", labels=["app=scam"]),
    )
    assert joined.join_waiting(now=NOW) == 1
    assert joined.page(desk, Campaign.objects.get().id).tags == 1


@pytest.mark.django_db
def test_a_flood_of_complaints_confirms_nothing_and_frames_no_number():
    observe(report(1, TEXTS[0], calling=SCAM))
    victim = canonical("+14155550111")
    observe(*(complaint(100 + n, victim) for n in range(200)), *(complaint(400 + n) for n in range(200)))
    joined.join_waiting(now=NOW)

    campaign = Campaign.objects.get()
    assert (campaign.calls, campaign.state, campaign.confirmed_at) == (1, "suspected", None)
    assert not JoinedReport.objects.filter(calling=victim, campaign__isnull=False).exists()


@pytest.mark.django_db
def test_a_merge_lets_the_joined_be_joined_anew(desk):
    other = scripts_of("Amazon-AuthorizeOrder")
    observe(*(report(n, text, calling=SCAM) for n, text in enumerate(TEXTS[:3])))
    elsewhere = canonical("+13125550100")
    observe(*(report(10 + n, text, calling=elsewhere) for n, text in enumerate(other[:3])))
    observe(complaint(50))
    joined.join_waiting(now=NOW)
    source, target = JoinedReport.objects.get().campaign, Campaign.objects.exclude(joined_reports__isnull=False).get()

    edits.ask_merge(desk, target.id, source.id, why="one scheme")
    edits.carry_out(now=NOW)
    assert JoinedReport.objects.get().campaign is None
    joined.join_waiting(now=NOW)
    assert JoinedReport.objects.get().campaign == target
