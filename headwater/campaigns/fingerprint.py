"""Audio fingerprints: the same recording is found in three seconds of it, through codecs, noise and loss. Pure.

After Haitsma and Kalker (ISMIR 2002): for 33 bands of 300 to 3,200 Hz, one bit says whether the difference of two
neighbouring bands rose. Two recordings are compared bit by bit at the best offset. A fingerprint says "the same
recording" and nothing of the script: another voice that reads the same words does not match.

A match needs a window of three seconds that agrees AND the whole overlap to agree: recordings that share a sentence
(a greeting that is reused, a voice that always says it alike) are not one recording. Figures and the test set:
docs/explanation/campaigns.md; ``python -m bench fingerprints``.
"""

import wave
from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt

from headwater.errors import Invalid

FINGERPRINT_VERSION = "band-rise/1"

RATE = 8_000
_WINDOW = 2_048
_HOP = 128
_RISE = 16
"""Frames between which a rise is looked at: a quarter of a second."""
_BANDS = 33
_LOW_HZ, _HIGH_HZ = 300, 3_200
#: Frames a second.
FRAMES = RATE / _HOP
#: What a look-up needs: three seconds of sound.
QUERY = int(3 * FRAMES) - _RISE - _WINDOW // _HOP
#: Least agreement of the best three seconds, and of the whole overlap. Chance agreement is .50.
WINDOW_AT = 0.63
OVERLAP_AT = 0.63
#: Least share of the shorter recording that must overlap.
_OVERLAP_SHARE = 0.3
#: An hour of one call is no message: what is longer is read to here.
_LONGEST_S = 600
LARGEST = 64 * 1024 * 1024
_VOTES = 2
_CANDIDATES = 60

Bits = npt.NDArray[np.bool_]
Samples = npt.NDArray[np.float32]


def read_wav(octets: bytes) -> Samples:
    """Return a WAV file's sound as one channel at 8 kHz: PCM of 8 or 16 bits, mu-law or A-law.

    Raises:
        Invalid: the octets are no WAV file that can be read, with what is wrong with them.
    """
    if len(octets) > LARGEST:
        raise Invalid(f"The recording has {len(octets):,} octets; at most {LARGEST:,} are read.")
    form, rate, channels, bits, data = _chunks(octets)
    if form == 7:
        samples = _mu_law(data)
    elif form == 6:
        samples = _a_law(data)
    elif form == 1 and bits == 16:
        samples = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.float32) / np.float32(32_768)
    elif form == 1 and bits == 8:
        samples = (np.frombuffer(data, dtype=np.uint8).astype(np.float32) - np.float32(128)) / np.float32(128)
    else:
        raise Invalid(
            f"The recording's form is {form} with {bits} bits; PCM of 8 or 16 bits, mu-law and A-law are read."
        )
    if not 1 <= channels <= 8:
        raise Invalid(f"The recording says that it has {channels} channels; 1 to 8 are read.")
    samples = samples[: len(samples) // channels * channels].reshape(-1, channels).mean(axis=1)
    return _resampled(samples[: _LONGEST_S * rate], rate)


def _chunks(octets: bytes) -> tuple[int, int, int, int, bytes]:
    if octets[:4] != b"RIFF" or octets[8:12] != b"WAVE":
        raise Invalid("The recording is no WAV file: it does not begin with RIFF and WAVE.")
    at, form = 12, None
    while at + 8 <= len(octets):
        name, size = octets[at : at + 4], int.from_bytes(octets[at + 4 : at + 8], "little")
        body = octets[at + 8 : at + 8 + size]
        if name == b"fmt " and len(body) >= 16:
            kind, channels = int.from_bytes(body[:2], "little"), int.from_bytes(body[2:4], "little")
            rate, bits = int.from_bytes(body[4:8], "little"), int.from_bytes(body[14:16], "little")
            form = kind, rate, channels, bits
        if name == b"data":
            if form is None:
                break
            if not 4_000 <= form[1] <= 192_000:
                raise Invalid(f"The recording says that it has {form[1]} samples a second; 4,000 to 192,000 are read.")
            # A sender that was cut off leaves fewer octets than it announced: what came is read.
            return form[0], form[1], form[2], form[3], body
        at += 8 + size + size % 2
    raise Invalid("The recording is a WAV file without a form or without sound.")


def _mu_law(data: bytes) -> Samples:
    """Return mu-law octets (ITU-T G.711) as samples."""
    octets = ~np.frombuffer(data, dtype=np.uint8)
    size = ((octets & 15).astype(np.int32) << 3) + 132 << ((octets >> 4) & 7)
    return np.where(octets & 0x80, 132 - size, size - 132).astype(np.float32) / np.float32(32_768)


def _a_law(data: bytes) -> Samples:
    """Return A-law octets (ITU-T G.711) as samples."""
    octets = np.frombuffer(data, dtype=np.uint8) ^ 0x55
    step = ((octets >> 4) & 7).astype(np.int32)
    low = ((octets & 15).astype(np.int32) << 4) + 8
    size = np.where(step == 0, low, (low + 256) << np.maximum(step - 1, 0))
    return np.where(octets & 0x80, size, -size).astype(np.float32) / np.float32(32_768)


def _resampled(samples: Samples, rate: int) -> Samples:
    if rate == RATE:
        return samples.astype(np.float32)
    # Imported here: telephone audio has 8 kHz and needs none of it.
    from math import gcd

    from scipy.signal import resample_poly

    shared = gcd(rate, RATE)
    return np.asarray(resample_poly(samples, RATE // shared, rate // shared), dtype=np.float32)


def fingerprint(samples: Samples) -> Bits:
    """Return a row of 32 bits every 16 ms; no row where there is less than half a second of sound."""
    frames = 1 + (len(samples) - _WINDOW) // _HOP
    if frames <= _RISE or not np.isfinite(samples).all():
        return np.zeros((0, _BANDS - 1), dtype=bool)
    edges = np.round(np.geomspace(_LOW_HZ, _HIGH_HZ, _BANDS + 1) / RATE * _WINDOW).astype(int)
    shape = np.hanning(_WINDOW).astype(np.float32)
    every = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    bands = []
    for start in range(0, frames, 1_024):
        power = np.abs(np.fft.rfft(every[start : start + 1_024] * shape, axis=1)) ** 2
        bands.append(np.log(np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1) + 1e-9))
    level = np.concatenate(bands)
    slope = level[:, :-1] - level[:, 1:]
    found: Bits = slope[_RISE:] - slope[:-_RISE] > 0
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Two recordings held against each other at their best offset."""

    recording: str
    offset: int
    """Frames that the query begins after the recording."""
    window: float
    """Agreement of the best three seconds."""
    overlap: float
    """Agreement of all that overlaps; the same as ``window`` for a query of three seconds."""
    overlap_s: float

    @property
    def same(self) -> bool:
        """Tell whether they are one recording."""
        return self.window >= WINDOW_AT and self.overlap >= OVERLAP_AT


def held_against(query: Bits, other: Bits, offset: int, *, recording: str = "") -> Match:
    """Return how ``query`` agrees with ``other`` where it begins ``offset`` frames after it (before it: negative)."""
    start, other_start = max(-offset, 0), max(offset, 0)
    length = min(len(query) - start, len(other) - other_start)
    if length < min(QUERY, len(query), len(other)) or length < _OVERLAP_SHARE * min(len(query), len(other)):
        return Match(recording=recording, offset=offset, window=0.0, overlap=0.0, overlap_s=0.0)
    agree = (query[start : start + length] == other[other_start : other_start + length]).mean(axis=1)
    sums = np.concatenate([[0.0], np.cumsum(agree)])
    span = min(QUERY, length)
    window = float((sums[span:] - sums[:-span]).max() / span)
    return Match(
        recording=recording,
        offset=offset,
        window=round(window, 4),
        overlap=round(float(agree.mean()), 4),
        overlap_s=round(length / FRAMES, 2),
    )


class Recordings:
    """Known recordings, found by the halves of their rows: an inverted index, votes for an offset, then every bit."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._bits: list[Bits] = []
        self._postings: dict[int, array[int]] = defaultdict(lambda: array("q"))

    def __len__(self) -> int:
        return len(self._names)

    def add(self, name: str, bits: Bits) -> None:
        """Take a recording into the index; one too short to be found is passed over."""
        if len(bits) < QUERY // 2:
            return
        number = len(self._names)
        self._names.append(name)
        self._bits.append(bits)
        for frame, halves in enumerate(_halves(bits)):
            for half in halves:
                self._postings[half].append(number << 20 | frame)

    def find(self, bits: Bits) -> Match | None:
        """Return the recording that this is, or nothing; three seconds are enough."""
        votes: Counter[tuple[int, int]] = Counter()
        for frame, halves in enumerate(_halves(bits)):
            for half in halves:
                for at in self._postings.get(half, ()):
                    # Offsets in steps of three frames: codecs and loss shift a little.
                    votes[at >> 20, ((at & 0xFFFFF) - frame) // 3] += 1
        best: Match | None = None
        for (number, step), count in votes.most_common(_CANDIDATES):
            if count < _VOTES:
                break
            for offset in range(step * 3 - 2, step * 3 + 5):
                match = held_against(bits, self._bits[number], offset, recording=self._names[number])
                if match.same and (best is None or match.overlap > best.overlap):
                    best = match
        return best


def _halves(bits: Bits) -> list[tuple[int, int]]:
    """Return each row as two words of 16 bits, the second marked as such."""
    words = np.packbits(bits, axis=1).astype(np.int64)
    first = words[:, 0] << 8 | words[:, 1]
    second = words[:, 2] << 8 | words[:, 3] | 1 << 16
    return list(zip(first.tolist(), second.tolist(), strict=True))


def wav_of(samples: Samples) -> bytes:
    """Return sound as a WAV file of 16 bits at 8 kHz."""
    file = BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())
    return file.getvalue()
