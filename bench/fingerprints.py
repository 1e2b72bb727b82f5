"""Finding the same recording again: recall and false matches on synthetic telephone audio, and what it costs.

``python -m bench.fingerprints FOLDER`` reads a folder of WAV files with a ``manifest.csv`` (file, script, voice,
condition, label): same script and voice is the same recording; a false match is one between different labels, since
synthetic voices say a sentence that two scripts of one scheme share exactly alike. SYNTHETIC audio.
"""

import csv
import sys
import time
from pathlib import Path

import numpy as np

from bench.report import Claim, Figure, machine, show
from headwater.campaigns import fingerprint as prints
from headwater.campaigns.fingerprint import Bits

CLEAN = "clean_ulaw"


def run(folder: Path | None = None) -> Claim:
    if folder is None:
        return Claim(title="Audio fingerprints: give a folder of recordings", figures=[], notes=[str(__doc__)])
    rows = list(csv.DictReader((folder / "manifest.csv").read_text("utf-8").splitlines()))
    sounds = [prints.read_wav((folder / row["file"]).read_bytes()) for row in rows]
    started = time.process_time()
    bits = [prints.fingerprint(sound) for sound in sounds]
    cost = time.process_time() - started
    seconds = sum(len(sound) for sound in sounds) / prints.RATE
    known = prints.Recordings()
    clean = {f"{r['script']}/{r['voice']}": one for r, one in zip(rows, bits, strict=True) if r["condition"] == CLEAN}
    for row, one in zip(rows, bits, strict=True):
        if row["condition"] == CLEAN:
            known.add(f"{row['script']}/{row['voice']}", one)
    label_of = {f"{row['script']}/{row['voice']}": row["label"] for row in rows}
    chance = np.random.default_rng(1)
    whole, three = [], []
    started = time.process_time()
    for row, sound, one in zip(rows, sounds, bits, strict=True):
        if row["condition"] == CLEAN:
            continue
        truth = f"{row['script']}/{row['voice']}"
        whole.append(_found(known, one) == truth)
        shift = best_offset(one, clean[truth])
        for _ in range(6):
            start = int(chance.integers(0, max(1, len(sound) - 3 * prints.RATE)))
            # A recording that was cut at the start says more at its end than the clean one holds: no window of that.
            at = start * prints.FRAMES / prints.RATE + shift
            if 0 <= at <= len(clean[truth]) - prints.QUERY:
                found = _found(known, prints.fingerprint(sound[start : start + 3 * prints.RATE]))
                three.append(label_of.get(found) == row["label"])
    looked = time.process_time() - started
    pairs, wrong = _false(rows, bits)
    return Claim(
        title="Audio fingerprints: the same recording, through GSM, Opus, noise of 10 dB, loss, a cut start",
        figures=[
            Figure(what="ours: audio fingerprinted", rate=seconds / cost, unit="audio-s per CPU-s"),
            Figure(what="need: speech as fast as it is spoken", rate=1.0, unit="audio-s per CPU-s"),
        ],
        notes=[
            f"recall of whole recordings: {np.mean(whole):.4f} of {len(whole)}",
            f"recall of three seconds anywhere: {np.mean(three):.4f} of {len(three)}",
            f"false: {wrong} of {pairs:,} pairs of different labels at their best offset ({wrong / pairs:.1e})",
            f"a look-up among {len(known)} recordings: {looked / (len(whole) + len(three)) * 1e3:.1f} ms CPU",
        ],
    )


def _found(known: prints.Recordings, bits: Bits) -> str:
    match = known.find(bits)
    return match.recording if match else ""


def _false(rows: list[dict[str, str]], bits: list[Bits]) -> tuple[int, int]:
    pairs = wrong = 0
    for row, one in zip(rows, bits, strict=True):
        for other_row, other in zip(rows, bits, strict=True):
            if row["label"] != other_row["label"]:
                pairs += 1
                wrong += prints.held_against(one, other, best_offset(one, other)).same
    return pairs, wrong


def best_offset(one: Bits, other: Bits) -> int:
    """Return the offset at which any three seconds of ``one`` agree best with ``other``: every offset is tried."""
    starts = range(0, max(1, len(one) - prints.QUERY + 1), 62)
    asked = np.stack([one[start : start + prints.QUERY] * 2.0 - 1 for start in starts])
    length = 1 << (len(other) + prints.QUERY).bit_length()
    turned = np.conj(np.fft.rfft(asked, length, axis=1))
    agree = np.fft.irfft((np.fft.rfft(other * 2.0 - 1, length, axis=0)[None] * turned).sum(2), length, axis=1)
    whole = agree[:, : len(other) - prints.QUERY + 1]
    window, offset = np.unravel_index(whole.argmax(), whole.shape)
    return int(offset) - starts[int(window)]


if __name__ == "__main__":
    print(machine())
    show(run(Path(sys.argv[1]) if sys.argv[1:] else None))
