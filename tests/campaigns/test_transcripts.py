from datetime import timedelta

import pytest

from headwater.audit.models import AuditEntry
from headwater.audit.tags import Tag
from headwater.campaigns import actions, memory, queries, transcripts
from headwater.campaigns.fusion import RECORDING
from headwater.campaigns.models import Campaign, CampaignMember
from headwater.campaigns.replay import replay
from headwater.campaigns.transcripts import ATTEMPTS, TAKEN_FOR, Heard
from tests.campaigns.material import NOW, report, scripts_of

pytestmark = pytest.mark.django_db

TEXT = scripts_of("Legal-Enforcement-Notice")[0]
SOUND = "a" * 64


def heard(text: str = TEXT, **other: object) -> Heard:
    fields = {
        "text": text,
        "language": "en",
        "language_probability": 0.98,
        "confidence": 0.8,
        "seconds": 14.0,
        "model": "whisper-base d01c",
        "version": "faster-whisper 1.2.1",
    }
    return Heard(**{**fields, **other})


def mute(number: int, sound: str = SOUND):
    return report(number, "", headers={RECORDING: sound})


def test_reports_without_words_wait_for_their_recording_and_are_heard_once(desk):
    calls = [mute(1), mute(2), report(3, TEXT)]

    ready = transcripts.with_words(calls, now=NOW)
    assert [record.record_id for record in ready] == [calls[2].record_id]
    assert transcripts.with_words(calls[:2], now=NOW) == []
    assert transcripts.take(now=NOW) == SOUND
    assert transcripts.take(now=NOW) == "", "one recording is listened to once"
    assert transcripts.ready(10) == []

    transcripts.keep(SOUND, heard(), now=NOW)
    assert set(transcripts.ready(10)) == {calls[0].record_id, calls[1].record_id}
    told = transcripts.with_words(calls[:2], now=NOW)
    assert [record.transcript for record in told] == [TEXT, TEXT]
    actions.observe(memory.load(), [*ready, *told], now=NOW)
    transcripts.settle([record.record_id for record in told], now=NOW)

    assert transcripts.ready(10) == []
    assert Campaign.objects.get().calls == 3
    member = queries.membership(desk, Campaign.objects.get().id, calls[0].record_id)
    assert member.reason.words_from == (
        "Words by speech to text (whisper-base d01c, faster-whisper 1.2.1) from the recording aaaaaaaaaaaa: "
        "language en (0.98), mean confidence 0.80."
    )
    assert queries.membership(desk, Campaign.objects.get().id, calls[2].record_id).reason.words_from == ""
    assert AuditEntry.objects.filter(tag=Tag.RECORDING_HEARD, subject=SOUND).count() == 1


def test_a_call_placed_by_heard_words_replays_to_the_same_answer(desk):
    transcripts.with_words([mute(1)], now=NOW)
    transcripts.keep(transcripts.take(now=NOW), heard(), now=NOW)
    record = mute(1)
    actions.observe(memory.load(), transcripts.with_words([record], now=NOW), now=NOW)

    assert transcripts.words_of(record) == TEXT
    assert replay(desk, record.record_id, transcripts.words_of(record)).same
    assert transcripts.words_of(report(7, "its own words")) == "its own words"


@pytest.mark.parametrize(
    "unsure", [{"confidence": 0.2}, {"language_probability": 0.3}, {"text": "", "language": "", "confidence": 0.0}]
)
def test_words_heard_unsurely_are_kept_and_group_no_call(unsure):
    transcripts.with_words([mute(1)], now=NOW)
    transcripts.keep(transcripts.take(now=NOW), heard(**unsure), now=NOW)

    told = transcripts.with_words([mute(1)], now=NOW)
    assert [record.transcript for record in told] == [""]
    actions.observe(memory.load(), told, now=NOW)
    assert not CampaignMember.objects.exists()
    assert (transcripts.hearing().heard, transcripts.hearing().unsure) == (1, 1)


def test_another_language_is_said_so():
    transcripts.with_words([mute(1)], now=NOW)
    spanish = "hola este es un mensaje importante sobre su cuenta presione uno ahora"
    transcripts.keep(transcripts.take(now=NOW), heard(spanish, language="es"), now=NOW)
    assert transcripts.hearing().other_languages == (("es", 1),)
    (told,) = transcripts.with_words([mute(1)], now=NOW)
    assert told.transcript == spanish


def test_what_was_heard_never_changes():
    transcripts.with_words([mute(1)], now=NOW)
    transcripts.take(now=NOW)
    transcripts.keep(SOUND, heard(), now=NOW)
    transcripts.keep(SOUND, heard("other words that came later on"), now=NOW)
    transcripts.fail(SOUND, "too late", now=NOW, for_good=True)
    (told,) = transcripts.with_words([mute(1)], now=NOW)
    assert told.transcript == TEXT


def test_a_listener_that_falls_is_given_the_recording_again_and_then_no_more():
    transcripts.with_words([mute(1)], now=NOW)
    for attempt in range(ATTEMPTS):
        assert transcripts.take(now=NOW + attempt * 2 * TAKEN_FOR) == SOUND, "what was not brought back comes again"
    transcripts.fail(SOUND, "it fell", now=NOW, for_good=False)

    assert transcripts.take(now=NOW + timedelta(days=1)) == ""
    assert len(transcripts.ready(10)) == 1, "its reports wait no longer"
    assert transcripts.hearing().failed == 1
    (told,) = transcripts.with_words([mute(1)], now=NOW)
    assert told.transcript == ""
