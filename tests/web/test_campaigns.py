import re

import pytest

from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.calls.records import SourceKind
from headwater.campaigns import actions, joined, memory, transcripts
from headwater.campaigns.fusion import RECORDING
from headwater.campaigns.models import Campaign
from headwater.campaigns.states import NameStatus
from tests.campaigns.material import CALLED, NOW, held_out, report, reports, scripts_of
from tests.conftest import Browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(db: None) -> Campaign:
    """A confirmed campaign of five calls, beside a few scripts heard once."""
    known = memory.load()
    actions.observe(known, reports(scripts_of("Legal-Enforcement-Notice")[:5]), now=NOW)
    heard_once = [row["transcript"] for row in held_out() if row["family"] in ("relative", "covid-relief")]
    actions.observe(known, reports(heard_once[:2], first=500), now=NOW)
    return Campaign.objects.get(name="Legal-Enforcement-Notice")


def text_of(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_an_empty_list_says_what_would_fill_it(desk_client: Browser):
    answer = desk_client.get("/campaigns/")
    assert answer.status_code == 200
    assert "the third call of one script makes a campaign" in text_of(answer)


def test_the_list_shows_campaigns_and_keeps_scripts_heard_once_apart(desk_client: Browser, campaign: Campaign):
    shown = text_of(desk_client.get("/campaigns/?sort=calls"))
    assert campaign.name in shown
    assert "1 campaign confirmed or active" in shown
    suspected = text_of(desk_client.get("/campaigns/?show=suspected"))
    assert campaign.id not in suspected


@pytest.mark.parametrize(
    "query", ["?sort=nonsense&show=x&page=-4", "?page=99999999999", "?page=٣", "?show=all&sort=name"]
)
def test_a_strange_address_still_shows_the_list(desk_client: Browser, campaign: Campaign, query: str):
    assert desk_client.get("/campaigns/" + query).status_code == 200


def test_the_page_shows_why_each_call_belongs(desk_client: Browser, campaign: Campaign):
    answer = desk_client.get(f"/campaigns/{campaign.id}/")
    shown = text_of(answer)

    assert answer.status_code == 200
    assert "Founded the campaign" in shown
    assert "exemplar-support/3" in shown
    assert scripts_of("Legal-Enforcement-Notice")[0][:60] in shown
    assert AuditEntry.objects.filter(tag=Tag.CAMPAIGN_VIEWED, subject=campaign.id).count() == 1
    assert AuditEntry.objects.filter(tag=Tag.CALL_VIEWED).exists()


def test_no_page_shows_a_called_number(desk_client: Browser, campaign: Campaign):
    pages = desk_client.get(f"/campaigns/{campaign.id}/").content + desk_client.get("/campaigns/").content
    member = campaign.members.first()
    pages += desk_client.get(f"/campaigns/{campaign.id}/exemplars/{campaign.exemplars.first().record_id}/").content

    for number in CALLED:
        assert number.removeprefix("+1").encode() not in pages
        assert number[-7:].encode() not in pages
    assert member.called_masked.encode() in pages


def test_the_pages_hold_no_inline_script_or_style(desk_client: Browser, campaign: Campaign):
    for path in ("/campaigns/", f"/campaigns/{campaign.id}/"):
        html = desk_client.get(path).content.decode()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", html)


def test_accepting_and_renaming(desk_client: Browser, campaign: Campaign):
    path = f"/campaigns/{campaign.id}/name/"
    assert desk_client.post(path, {"name": campaign.name}).status_code == 302
    campaign.refresh_from_db()
    assert campaign.name_status == NameStatus.ACCEPTED

    answer = desk_client.post(path, {"name": "<b>"}, follow=True)
    assert "Nothing was changed" in text_of(answer)


def test_others_do_not_get_in(agency_client: Browser, provider_client: Browser, campaign: Campaign):
    for client in (agency_client, provider_client):
        assert client.get(f"/campaigns/{campaign.id}/").status_code in (403, 404)


def test_a_script_is_shown_as_text(desk_client: Browser, db: None):
    evil = "<script>alert(1)</script> press one now to speak to an agent today"
    actions.observe(memory.load(), [report(1, evil), report(2, evil), report(3, evil)], now=NOW)
    html = desk_client.get(f"/campaigns/{Campaign.objects.get().id}/").content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_complaints_that_speak_for_a_campaign_are_shown_beside_its_calls(desk_client: Browser, campaign: Campaign):
    calling = campaign.members.first().calling
    complaint = report(
        900, "", calling=calling, source_kind=SourceKind.COMPLAINT, headers={"category": "impersonation"}
    )
    actions.observe(memory.load(), [complaint], now=NOW)
    assert joined.join_waiting(now=NOW) == 1

    shown = text_of(desk_client.get(f"/campaigns/{campaign.id}/"))
    assert "1 complaint and 0 tags without words" in shown
    assert "complaint: impersonation" in shown
    assert "Same number as" in shown


def test_words_that_a_machine_heard_are_said_to_be(desk_client: Browser):
    sound = "b" * 64
    record = report(901, "", headers={RECORDING: sound})
    transcripts.with_words([record], now=NOW)
    heard = transcripts.Heard(
        text=scripts_of("Legal-Enforcement-Notice")[0],
        language="en",
        language_probability=0.97,
        confidence=0.81,
        seconds=14.0,
        model="whisper-base d01c",
        version="faster-whisper 1.2.1",
    )
    transcripts.keep(sound, heard, now=NOW)
    actions.observe(memory.load(), transcripts.with_words([record], now=NOW), now=NOW)
    found = Campaign.objects.get()

    shown = text_of(desk_client.get(f"/campaigns/{found.id}/calls/{record.record_id}/"))
    assert "Words by speech to text (whisper-base d01c, faster-whisper 1.2.1)" in shown
    listed = text_of(desk_client.get("/campaigns/?show=suspected"))
    assert "turned into words: 1" in listed or "speech to text is not installed here" in listed
