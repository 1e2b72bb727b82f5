import io
import json
import random
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from django.db import connection

from headwater.campaigns import hearing, transcripts
from headwater.campaigns.fingerprint import read_wav, wav_of
from headwater.campaigns.fusion import AUDIO, RECORDING
from headwater.campaigns.models import Campaign, CampaignMember, RecordingTranscript
from headwater.campaigns.script import words_of
from headwater.errors import Invalid, Unavailable
from headwater.intake.recordings import Recordings
from headwater.worker import listener, speech
from headwater.worker.detector import Detector
from headwater.worker.voices import Voices
from tests.campaigns.material import NOW, CallLog, held_out, report

DATA = Path(__file__).parent.parent / "data" / "speech"
SCRIPTS = {"marriott_clean.wav": "65635", "texas_gsm.wav": "560665"}
installed = pytest.mark.skipif(bool(hearing.missing()), reason="the extra headwater[speech] is not installed")


class Ears:
    """An in-memory twin of the listener's process."""

    def __init__(self, *answers: dict | Exception) -> None:
        self._answers = list(answers)
        self.ended = 0

    def heard(self, octets: bytes) -> dict:
        assert octets
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def end(self) -> None:
        self.ended += 1


def answer(text: str) -> dict:
    return {
        "text": text,
        "language": "en",
        "language_probability": 0.9,
        "confidence": 0.8,
        "seconds": 14.0,
        "model": "m",
        "version": "v",
    }


def waiting(folder: Recordings, octets: bytes, number: int = 1) -> str:
    name = folder.put(octets)
    transcripts.with_words([report(number, "", headers={RECORDING: name})], now=NOW)
    return name


@pytest.mark.django_db
def test_each_recording_is_heard_once_and_what_cannot_be_heard_is_said(tmp_path: Path):
    folder = Recordings(tmp_path)
    good, broken = waiting(folder, b"good"), waiting(folder, b"broken", 2)
    transcripts.with_words([report(3, "", headers={RECORDING: "f" * 64})], now=NOW)
    answers = {good: answer("words"), broken: {"error": "The recording is no WAV file."}}
    order = sorted([good, broken, "f" * 64])
    ears = Ears(*(answers[name] for name in order if name in answers))

    while speech.turn(folder, ears):
        pass

    rows = {row.recording: row for row in RecordingTranscript.objects.all()}
    assert (rows[good].state, rows[good].text) == ("heard", "words")
    assert (rows[broken].state, rows[broken].error) == ("failed", "The recording is no WAV file.")
    assert rows["f" * 64].error == f"The recording {'f' * 64} is not kept here."


@pytest.mark.django_db
def test_a_fallen_listener_costs_one_attempt(tmp_path: Path):
    folder = Recordings(tmp_path)
    name = waiting(folder, b"good")
    ears = Ears(Unavailable("it fell"), answer("words"))
    assert speech.turn(folder, ears)
    assert RecordingTranscript.objects.get(recording=name).state == "waiting"
    assert speech.turn(folder, ears)
    assert RecordingTranscript.objects.get(recording=name).text == "words"
    assert not speech.turn(folder, ears)


READY = """
import json, os, sys, time
def tell(answer):
    told = json.dumps(answer).encode()
    sys.stdout.buffer.write(len(told).to_bytes(4, "big") + told)
    sys.stdout.buffer.flush()
tell({"ready": True})
"""
ECHO = """
while head := sys.stdin.buffer.read(4):
    octets = sys.stdin.buffer.read(int.from_bytes(head, "big"))
    if octets == b"die":
        sys.exit(3)
    tell({"octets": len(octets)})
"""


def _program(body: str) -> tuple[str, ...]:
    return (sys.executable, "-c", READY + body)


def test_the_process_answers_falls_and_is_started_again():
    ears = speech.Process(_program(ECHO))
    try:
        assert ears.heard(b"abc") == {"octets": 3}
        with pytest.raises(Unavailable, match="it ended"):
            ears.heard(b"die")
        assert ears.heard(b"abcd") == {"octets": 4}
    finally:
        ears.end()


def test_a_recording_that_takes_too_long_costs_the_listener_its_life():
    ears = speech.Process(_program("time.sleep(600)"), least_s=0.2)
    with pytest.raises(Unavailable, match="it took longer than"):
        ears.heard(b"abc")


def test_the_listeners_environment_holds_no_secret(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HEADWATER_DATABASE_URL", "postgresql://secret")
    ears = speech.Process(_program("sys.stdin.buffer.read(7)\ntell(dict(os.environ))"))
    try:
        assert not [name for name in ears.heard(b"abc") if name.startswith("HEADWATER")]
    finally:
        ears.end()


def test_without_the_packages_it_says_so_and_waits():
    assert hearing.missing(("no_such_package", "numpy")) == ("no-such-package",)
    stop = threading.Event()
    stop.set()
    speech.run(stop, lambda: pytest.fail("no listener is started"), packages=("no_such_package",))


@pytest.mark.parametrize("octets", [b"", b"\x00\x00\x00\x05abc", b"\xff\xff\xff\xff"])
def test_parts_are_read_under_bounds(octets: bytes):
    if not octets:
        assert listener.read_part(io.BytesIO(octets)) is None
        return
    with pytest.raises(ValueError, match=r"a part of|ends within"):
        listener.read_part(io.BytesIO(octets))


def errors(spoken: list[str], found: list[str]) -> float:
    """Return word errors a spoken word; what the script goes on with after the recording ends counts for nothing."""
    costs = [list(range(len(found) + 1))]
    for word in spoken:
        before, row = costs[-1], [costs[-1][0] + 1]
        for at, other in enumerate(found, start=1):
            row.append(min(before[at] + 1, row[-1] + 1, before[at - 1] + (word != other)))
        costs.append(row)
    return min(row[-1] / max(at, 1) for at, row in enumerate(costs) if at >= len(found) // 2)


@pytest.fixture(scope="module")
def ears():
    return listener.Listener()


@installed
def test_real_speech_through_a_telephone_is_turned_into_its_script(ears: listener.Listener):
    texts = {row["call_id"]: row["transcript"] for row in held_out()}
    for file, call in SCRIPTS.items():
        found = ears.heard((DATA / file).read_bytes())
        assert found["language"] == "en"
        assert found["confidence"] > 0.6
        assert errors(words_of(texts[call]), words_of(found["text"])) < 0.35, found["text"]


@installed
def test_silence_noise_and_rubbish_say_nothing(ears: listener.Listener):
    chance = np.random.default_rng(1)
    noise = chance.normal(0, 0.1, 40_000).astype(np.float32)
    for sound in (np.zeros(40_000, np.float32), np.zeros(10, np.float32), noise):
        found = ears.heard(wav_of(sound))
        assert found["text"] == "" or found["confidence"] < hearing.LEAST_CONFIDENCE
    cut = (DATA / "marriott_clean.wav").read_bytes()
    for octets in (b"", b"RIFF", random.Random(1).randbytes(5_000)):
        with pytest.raises(Invalid):
            ears.heard(octets)
    assert ears.heard(cut[:4_000])["seconds"] < 1


@installed
@pytest.mark.django_db(transaction=True)
def test_calls_that_only_carry_sound_become_a_campaign_by_what_is_heard(tmp_path: Path):
    sound = read_wav((DATA / "marriott_clean.wav").read_bytes())
    noisy = sound + np.random.default_rng(2).normal(0, 0.01, len(sound)).astype(np.float32)
    folder = Recordings(tmp_path)
    names = [folder.put(wav_of(sound)), folder.put(wav_of(noisy)), folder.put(wav_of(sound[8_000:]))]
    log = CallLog([report(n, "", headers={AUDIO: name}) for n, name in enumerate(names)])
    detector = Detector(lambda: log, Voices(tmp_path), listens=True)
    detector.turn(NOW)
    assert not CampaignMember.objects.exists()

    ears = speech.Process()
    try:
        assert speech.turn(folder, ears)
        assert not speech.turn(folder, ears), "three calls of one recording are listened to once"
    finally:
        ears.end()
    detector.turn(NOW)
    # The detector's lock is the connection's: others want it.
    connection.close()

    campaign = Campaign.objects.get()
    assert (campaign.calls, campaign.state) == (3, "confirmed")
    assert campaign.family == "travel"
    assert json.dumps(CampaignMember.objects.first().reasons["words"]).count("whisper-base")
