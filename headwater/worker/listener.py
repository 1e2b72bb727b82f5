"""``python -m headwater.worker.listener``: turns recordings into words, in a process of its own.

It is started by ``speech`` with a clean environment, low priority and bounds on memory, reads one recording at a time
from standard input (four octets of length, then a WAV file) and writes one answer to standard output (four octets of
length, then JSON). It knows no database and no secret, and opens no connection: whatever a recording does to the
decoder, it can do here alone.

The weights come inside two packages (Whisper base, many languages, MIT); they are held against the SHA-256 that
Headwater knows, so that another model never speaks in its name. The language is detected first: a call in another
language is written in that language and says so, it is never bent into English.
"""

import json
import os
import resource
import sys
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from math import exp
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from headwater.campaigns.fingerprint import RATE, read_wav
from headwater.campaigns.hearing import MODEL, PARTS, WEIGHTS
from headwater.errors import HeadwaterError

#: What is listened to of a recording: a message says what it wants within this.
SECONDS: Final = 120
#: Less sound than this holds no word.
_LEAST_S = 0.4
#: Whisper's own rates and bounds: a segment beyond them is noise that it made words of.
_WHISPER_RATE = 16_000
_NO_SPEECH = 0.6
_LEAST_LOG_PROBABILITY = -1.0
_MOST_OCTETS = 64 * 1024 * 1024
_MEMORY = 4 * 1024**3


def weights() -> dict[str, bytes]:
    """Return the model's files.

    Raises:
        ImportError: a package is missing, or holds other weights than Headwater knows.
    """
    first, second = (files(name).joinpath("data") for name in PARTS)
    model = first.joinpath("model.bin.part1").read_bytes() + second.joinpath("model.bin.part2").read_bytes()
    found = sha256(model).hexdigest()
    if found != WEIGHTS:
        raise ImportError(f"The packages of {MODEL} hold weights with SHA-256 {found}, not {WEIGHTS}.")
    others = ("config.json", "tokenizer.json", "vocabulary.txt")
    return {"model.bin": model} | {name: first.joinpath(name).read_bytes() for name in others}


class Listener:
    """The model, loaded."""

    def __init__(self) -> None:
        # Imported here: who only asks whether it is installed need not load it.
        from faster_whisper import WhisperModel

        # One thread: calls that ring have the other cores.
        self._model = WhisperModel(MODEL, device="cpu", compute_type="int8", cpu_threads=1, files=weights())

    def heard(self, octets: bytes) -> dict[str, Any]:
        """Return what a WAV file says, in which language, and how sure that is.

        Raises:
            Invalid: the octets are no WAV file that can be read.
        """
        sound = read_wav(octets)[: SECONDS * RATE]
        seconds = len(sound) / RATE
        if seconds < _LEAST_S or not np.isfinite(sound).all() or float(np.abs(sound).max()) < 1e-4:
            return _answer("", "", 0.0, 0.0, seconds)
        at_rate = _doubled(sound)
        language, sure, _ = self._model.detect_language(at_rate)
        segments, _ = self._model.transcribe(
            at_rate,
            language=language,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        kept = [
            (segment.text.strip(), segment.avg_logprob, max(len(segment.tokens), 1))
            for segment in segments
            if segment.no_speech_prob < _NO_SPEECH or segment.avg_logprob > _LEAST_LOG_PROBABILITY
        ]
        tokens = sum(count for _, _, count in kept)
        mean = sum(log_p * count for _, log_p, count in kept) / tokens if tokens else 0.0
        text = " ".join(said for said, _, _ in kept if said)
        return _answer(text, language, float(sure), exp(mean) if tokens else 0.0, seconds)


def _answer(text: str, language: str, sure: float, confidence: float, seconds: float) -> dict[str, Any]:
    return {
        "text": text,
        "language": language,
        "language_probability": round(sure, 4),
        "confidence": round(confidence, 4),
        "seconds": round(seconds, 2),
        "model": f"{MODEL} {WEIGHTS[:12]}",
        "version": f"faster-whisper {version('faster-whisper')}",
    }


def _doubled(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    # Imported here: the process that only asks what is missing needs none of it.
    from scipy.signal import resample_poly

    return np.asarray(resample_poly(sound, _WHISPER_RATE // RATE, 1), dtype=np.float32)


def read_part(stream: IO[bytes]) -> bytes | None:
    """Return the next part of a stream: four octets of length, then as many octets; ``None`` at its end.

    Raises:
        ValueError: the length is beyond the bound, or the stream ends within the part.
    """
    head = stream.read(4)
    if not head:
        return None
    size = int.from_bytes(head, "big")
    if size > _MOST_OCTETS:
        raise ValueError(f"a part of {size} octets; at most {_MOST_OCTETS} are read")
    octets = stream.read(size)
    if len(head) < 4 or len(octets) < size:
        raise ValueError("the stream ends within a part")
    return octets


def write_part(stream: IO[bytes], octets: bytes) -> None:
    """Write one part and flush it."""
    stream.write(len(octets).to_bytes(4, "big") + octets)
    stream.flush()


def _write(answer: Mapping[str, Any]) -> None:
    write_part(sys.stdout.buffer, json.dumps(answer).encode())


def main() -> None:
    """Answer one recording after the other until standard input ends."""
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    listener = Listener()
    _write({"ready": True})
    while (octets := read_part(sys.stdin.buffer)) is not None:
        try:
            answer = listener.heard(octets)
        except HeadwaterError as error:
            answer = {"error": str(error)}
        except (RuntimeError, ValueError) as error:
            answer = {"error": f"The recording could not be listened to: {error}"}
        _write(answer)


if __name__ == "__main__":
    main()
