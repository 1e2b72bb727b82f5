"""Speech to text on synthetic telephone audio: word errors, and what a second of sound costs.

``python -m bench.speech FOLDER CALLS.jsonl [FILES]`` reads a folder of WAV files with a ``manifest.csv`` (file,
script_call_id, voice, condition) and the calls' texts. Files are shorter than their scripts: words are counted against
the part of the script that a file speaks, wherever it begins and ends. SYNTHETIC audio; it needs the extra ``speech``.
"""

import csv
import json
import random
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

from bench.report import Claim, machine, show
from headwater.campaigns.hearing import missing
from headwater.campaigns.script import words_of

FILES = 36


def run(folder: Path | None = None, calls: Path | None = None, files: int = FILES) -> Claim:
    title = "Speech to text: whisper base, int8, one thread"
    if folder is None or calls is None or missing():
        return Claim(title=title, figures=[], notes=[f"{__doc__} Missing here: {', '.join(missing()) or 'nothing'}."])
    from headwater.worker.listener import Listener

    texts = {row["call_id"]: row["transcript"] for row in map(json.loads, calls.read_text("utf-8").splitlines())}
    rows = list(csv.DictReader((folder / "manifest.csv").read_text("utf-8").splitlines()))
    random.Random(1).shuffle(rows)
    ears = Listener()
    found: dict[str, list[tuple[float, float, bool]]] = defaultdict(list)
    cost = seconds = 0.0
    for row in rows[:files]:
        octets = (folder / row["file"]).read_bytes()
        started = time.process_time()
        heard = ears.heard(octets)
        cost += time.process_time() - started
        seconds += heard["seconds"]
        errors = word_errors(words_of(texts[row["script_call_id"]]), words_of(heard["text"]))
        found[row["condition"]].append((errors, heard["confidence"], heard["language"] == "en"))
    notes = [f"{files} of {len(rows)} files, {seconds:.0f} s of sound: {cost / seconds:.3f} s of CPU a second"]
    for condition, each in sorted(found.items()):
        errors_, sure, english = zip(*each, strict=True)
        notes.append(
            f"{condition:24} {len(each):3} files: word errors {statistics.mean(errors_):.3f} (median "
            f"{statistics.median(errors_):.3f}), confidence {statistics.mean(sure):.2f}, English {sum(english)}"
        )
    return Claim(title=title, figures=[], notes=notes)


def word_errors(script: list[str], heard: list[str]) -> float:
    """Return errors a spoken word; what the script says before and after the part that was heard counts for nothing."""
    # Rows are the script's words; a match may begin at any of them at no cost, and end at any.
    row = list(range(len(heard) + 1))
    starts = [0] * (len(heard) + 1)
    best = (float(len(heard)), 1)
    for at, word in enumerate(script, start=1):
        before, began = row, starts
        row, starts = [0], [at]
        for place, other in enumerate(heard, start=1):
            choices = (
                (before[place - 1] + (word != other), began[place - 1]),
                (before[place] + 1, began[place]),
                (row[-1] + 1, starts[-1]),
            )
            errors, start = min(choices)
            row.append(errors)
            starts.append(start)
        spoken = max(at - starts[-1], 1)
        best = min(best, (row[-1] / spoken, spoken))
    return best[0] if heard else 1.0


if __name__ == "__main__":
    print(machine())
    given = sys.argv[1:]
    files = int(given[2]) if len(given) > 2 else FILES
    show(run(Path(given[0]), Path(given[1]), files) if len(given) > 1 else run())
