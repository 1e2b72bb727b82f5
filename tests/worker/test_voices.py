from pathlib import Path

import pytest

from headwater.campaigns import actions, graph, memory
from headwater.campaigns.fingerprint import wav_of
from headwater.campaigns.fusion import AUDIO, RECORDING
from headwater.campaigns.models import Campaign
from headwater.intake.recordings import Recordings
from headwater.worker.voices import Voices
from tests.campaigns.material import NOW, report, scripts_of
from tests.campaigns.test_fingerprint import speech, spoilt

pytestmark = pytest.mark.django_db


def test_the_same_voice_again_is_one_recording_also_after_a_restart(tmp_path: Path, desk):
    folder, sound = Recordings(tmp_path), speech(3)
    first, again = folder.put(wav_of(sound)), folder.put(wav_of(spoilt(sound, 1)))
    other = folder.put(wav_of(speech(4)))
    text = scripts_of("Legal-Enforcement-Notice")[0]
    told = [report(n, text, headers={AUDIO: name}) for n, name in enumerate((first, again, other))]

    heard = Voices(tmp_path).told(told)
    assert [record.headers[RECORDING] for record in heard] == [first, first, other]

    actions.observe(memory.load(), heard, now=NOW)
    found = {
        node.value: node.calls for node in graph.nodes(desk, Campaign.objects.get().id) if node.kind == "recording"
    }
    assert found == {first: 2, other: 1}
    after_restart = Voices(tmp_path).told([report(9, text, headers={AUDIO: again})])
    assert after_restart[0].headers[RECORDING] == first


def test_sound_that_is_missing_or_broken_counts_as_itself(tmp_path: Path):
    broken = Recordings(tmp_path).put(b"this is no sound")
    told = [report(1, "", headers={AUDIO: broken}), report(2, "", headers={AUDIO: "0" * 64}), report(3, "")]
    heard = Voices(tmp_path).told(told)
    assert [record.headers.get(RECORDING) for record in heard] == [broken, "0" * 64, None]
