from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.campaigns import fingerprint as prints
from headwater.campaigns.fingerprint import RATE, Recordings, fingerprint, held_against, read_wav, wav_of
from headwater.errors import Invalid


def speech(seed: int, seconds: float = 9.0) -> np.ndarray:
    """Return sound with speech's habits: a changing pitch with formants that move several times a second. SYNTHETIC."""
    chance = np.random.default_rng(seed)
    at = np.arange(int(seconds * RATE)) / RATE
    steps = int(seconds * 6) + 2

    def wander(low: float, high: float) -> np.ndarray:
        return np.interp(at, np.arange(steps) / 6, chance.uniform(low, high, steps))

    pitch = np.cumsum(wander(90, 180)) / RATE
    sound = np.zeros_like(at)
    formants = [wander(300, 900), wander(900, 2_000), wander(2_000, 3_000)]
    for harmonic in range(1, 22):
        tone = harmonic * wander(100, 160)
        gain = sum(np.exp(-(((tone - formant) / 180) ** 2)) for formant in formants)
        sound += gain * np.sin(2 * np.pi * harmonic * pitch)
    return (0.3 * sound * wander(0.2, 1.0) / np.abs(sound).max()).astype(np.float32)


def spoilt(sound: np.ndarray, seed: int) -> np.ndarray:
    """Return ``sound`` as a telephone gives it: cut at the start, noise of 15 dB, 2% of the packets lost."""
    chance = np.random.default_rng(seed)
    cut = sound[int(chance.uniform(0.5, 2.0) * RATE) :].copy()
    for packet in range(0, len(cut) - 160, 160):
        if chance.random() < 0.02:
            cut[packet : packet + 160] = 0
    noise = chance.normal(0, cut.std() * 10 ** (-15 / 20), len(cut))
    return (cut + noise).astype(np.float32)


def test_three_seconds_find_the_recording_and_no_other():
    known = Recordings()
    sounds = {f"recording {seed}": speech(seed) for seed in range(12)}
    for name, sound in sounds.items():
        known.add(name, fingerprint(sound))
    for seed, (name, sound) in enumerate(sounds.items()):
        heard = spoilt(sound, seed)
        found = known.find(fingerprint(heard[RATE : 4 * RATE]))
        assert found is not None
        assert found.recording == name
        assert found.window >= prints.WINDOW_AT
    for seed in range(100, 112):
        assert known.find(fingerprint(speech(seed))) is None


def test_a_shared_sentence_does_not_make_two_recordings_one():
    greeting = speech(50, 3.2)
    one = np.concatenate([greeting, speech(51, 9)])
    other = np.concatenate([greeting, speech(52, 9)])
    match = held_against(fingerprint(one), fingerprint(other), 0)
    assert match.window > prints.WINDOW_AT
    assert not match.same


def test_the_same_sound_agrees_with_itself_at_its_offset():
    bits = fingerprint(speech(1))
    match = held_against(bits[100:], bits, 100)
    assert (match.window, match.overlap) == (1.0, 1.0)
    assert match.same


@pytest.mark.parametrize("kind", [7, 6])
def test_mu_law_and_a_law_are_read_as_the_tables_of_g711_say(kind: int):
    values = read_wav(_wav(bytes(range(256)), kind=kind, bits=8)) * 32_768
    loud = max(values)
    assert loud == pytest.approx(32_124 if kind == 7 else 32_256)
    # Both laws are odd: each size occurs with both signs.
    assert sorted(values) == pytest.approx(sorted(-values), abs=1e-3)
    assert values[0xFF if kind == 7 else 0xD5] == pytest.approx(0 if kind == 7 else 8)


def test_sixteen_bits_at_another_rate_are_brought_to_telephone_rate():
    sound = speech(2, 2)
    twice = np.repeat(sound, 2)
    octets = _wav((twice * 32_767).astype("<i2").tobytes(), kind=1, bits=16, rate=16_000)
    assert len(read_wav(octets)) == pytest.approx(len(sound), abs=2)
    assert np.corrcoef(read_wav(octets)[: len(sound)], sound)[0, 1] > 0.9


def _wav(data: bytes, *, kind: int, bits: int, rate: int = RATE, channels: int = 1) -> bytes:
    step = channels * bits // 8
    form = (
        kind.to_bytes(2, "little")
        + channels.to_bytes(2, "little")
        + rate.to_bytes(4, "little")
        + (rate * step).to_bytes(4, "little")
        + step.to_bytes(2, "little")
        + bits.to_bytes(2, "little")
    )
    body = b"WAVEfmt " + len(form).to_bytes(4, "little") + form + b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + len(body).to_bytes(4, "little") + body


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (b"", "no WAV file"),
        (b"RIFF\x00\x00\x00\x00WAVE", "without a form or without sound"),
        (_wav(b"\x00" * 8, kind=85, bits=16), "form is 85"),
        (_wav(b"\x00" * 8, kind=1, bits=24), "24 bits"),
        (_wav(b"\x00" * 8, kind=1, bits=16, rate=7), "7 samples a second"),
        (_wav(b"\x00" * 8, kind=1, bits=16, channels=0), "0 channels"),
    ],
)
def test_a_broken_recording_says_what_is_wrong(octets: bytes, says: str):
    with pytest.raises(Invalid, match=says):
        read_wav(octets)


def test_silence_and_a_click_are_taken_and_match_nothing():
    known = Recordings()
    known.add("a", fingerprint(speech(1)))
    assert known.find(fingerprint(np.zeros(5 * RATE, dtype=np.float32))) is None
    assert known.find(fingerprint(np.zeros(10, dtype=np.float32))) is None
    assert len(fingerprint(np.full(5 * RATE, np.nan, dtype=np.float32))) == 0


@settings(max_examples=60)
@given(st.binary(max_size=200), st.binary(max_size=400))
def test_any_octets_are_read_or_refused(head: bytes, data: bytes):
    for octets in (head, wav_of(np.zeros(4, dtype=np.float32))[:40] + data, _wav(data, kind=7, bits=8)):
        with suppress(Invalid):
            assert fingerprint(read_wav(octets)).shape[1] == 32
