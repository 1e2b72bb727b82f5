"""A recording: a WAV file that is read and fingerprinted, or refused with the reason."""

from contextlib import suppress

import numpy as np

from headwater.campaigns.fingerprint import Recordings, fingerprint, read_wav, wav_of
from headwater.errors import Invalid

_TONE = np.sin(np.arange(1_200) / 3).astype(np.float32)
SEEDS = [
    wav_of(_TONE),
    wav_of(_TONE)[:20]
    + b"\x07\x00\x01\x00"
    + wav_of(_TONE)[24:34]
    + b"\x08\x00data\x10\x00\x00\x00"
    + bytes(range(16)),
]
TOKENS = [b"RIFF", b"WAVE", b"fmt ", b"data", b"\x06\x00", b"\x07\x00", b"\xff\xff\xff\xff", b"\x40\x1f\x00\x00"]


def target(data: bytes) -> None:
    with suppress(Invalid):
        samples = read_wav(data)
        assert np.isfinite(samples).all()
        assert Recordings().find(fingerprint(samples)) is None
