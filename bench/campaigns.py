"""How well calls are grouped and named: grouped 50% splits of labelled calls, beside the plain TF-IDF baseline.

``python -m bench.campaigns [CALLS.jsonl] [SPLITS]`` reads any file of labelled calls with ``script_group``; without one
it takes the held-out half that is in the repository. Half of the script groups is known beforehand, the other half is
grouped and named; means and spreads over the splits are printed. Speed is measured on noisy variants: 8% of the words
wrong, 40% cut at the start, as calls come.
"""

import json
import random
import statistics
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from bench.report import Claim, Figure, machine, show
from headwater.campaigns import evaluation, links
from headwater.campaigns.engine import Matcher
from headwater.campaigns.evaluation import Call
from headwater.campaigns.labels import Labels
from headwater.campaigns.measures import Agreement
from headwater.campaigns.reference import Labelled
from headwater.campaigns.script import read

HELD_OUT = Path(__file__).resolve().parent.parent / "headwater" / "simulator" / "data" / "calls.jsonl"
SPLITS = 6
VARIANTS = 20_000
NAMES = ("P", "R", "F1", "bF", "ARI", "V")


def run(file: Path = HELD_OUT, splits: int = SPLITS) -> Claim:
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    found: dict[str, list[list[float]]] = {"batch": [], "one pass": [], "baseline": []}
    names: list[list[float]] = []
    sizes = []
    for seed in range(splits):
        known, tried = split(rows, seed)
        labels = Labels(labelled(known))
        weights = links.learn(labels)
        calls = [call(row) for row in tried]
        sizes.append(sum(bool(one.campaign) for one in calls))
        one_pass = evaluation.online(calls, labels, weights)
        found["batch"].append(figures(evaluation.batch(calls, labels, weights)))
        found["one pass"].append(figures(one_pass.agreement))
        found["baseline"].append(figures(evaluation.baseline(calls)))
        named = evaluation.named(calls, labels)
        shares = (
            named.seen_top1_right,
            named.seen_called_new,
            named.unseen_called_new,
            named.family_right,
            one_pass.declared.median_calls,
        )
        names.append([float(share or 0.0) for share in shares])
    notes = [f"{splits} grouped 50% splits of {file.name}, {statistics.mean(sizes):.0f} scored calls each (mean)"]
    notes.append(f"{'':12}" + "".join(f"{name:>15}" for name in NAMES))
    notes += [
        f"{what:12}" + "".join(_spread(column) for column in zip(*rows_, strict=True)) for what, rows_ in found.items()
    ]
    columns = list(zip(*names, strict=True))
    for what, column in zip(
        ("name right (top 1, seen)", "seen called new", "unseen called new", "family right", "declared at call"),
        columns,
        strict=True,
    ):
        notes.append(f"{what:28}{_spread(column)}")
    ours, gate = speed(rows)
    return Claim(
        title="Campaigns: grouping and naming of labelled calls",
        figures=[
            Figure(what="ours: transcript gate, noisy variants", rate=ours, unit="calls/s and core"),
            Figure(what="bound: reading the words alone", rate=gate, unit="calls/s and core"),
        ],
        notes=notes,
    )


def split(rows: list[dict[str, Any]], seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return what is known and what is tried: half of the script groups each."""
    groups = sorted({row["script_group"] for row in rows})
    random.Random(seed).shuffle(groups)
    tried = set(groups[: len(groups) // 2])
    return [r for r in rows if r["script_group"] not in tried], [r for r in rows if r["script_group"] in tried]


def call(row: dict[str, Any]) -> Call:
    is_campaign = row["label_kind"] == "itg-campaign"
    return Call(text=row["transcript"], campaign=row["campaign"] if is_campaign else "", family=row["family"] or "")


def labelled(rows: list[dict[str, Any]]) -> list[Labelled]:
    calls = enumerate(map(call, rows), start=1)
    return [
        Labelled(number=number, script=read(one.text), text=one.text, campaign=one.campaign, family=one.family)
        for number, one in calls
        if one.text.strip() and one.family
    ]


def figures(found: Agreement) -> list[float]:
    return [
        found.pair_precision,
        found.pair_recall,
        found.pair_f1,
        found.b_cubed_f1,
        found.adjusted_rand,
        found.v_measure,
    ]


def _spread(column: Any) -> str:
    return f"  {statistics.mean(column):6.3f} ±{statistics.pstdev(column):5.3f}"


def speed(rows: list[dict[str, Any]], variants: int = VARIANTS) -> tuple[float, float]:
    """Return calls a second of CPU time: reading, placing and keeping noisy variants; and reading them alone."""
    chance = random.Random(1)
    texts = [row["transcript"] for row in rows if len(row["transcript"].split()) > 12]
    words = [word for text in texts for word in text.split()]
    told = [noisy(chance.choice(texts), words, chance) for _ in range(variants)]
    labels = Labels(labelled(split(rows, 0)[0]))
    matcher = Matcher([known.script for known in labels.known], labels=labels, weights=links.learn(labels))
    started = time.process_time()
    for text in told:
        read(text)
    alone = time.process_time() - started
    started = time.process_time()
    for number, text in enumerate(told):
        script = read(text)
        if script.is_comparable:
            placement = matcher.place(script)
            matcher.keep(uuid.UUID(int=number), placement.campaign_id or f"C{number}", script, placement)
    return variants / (time.process_time() - started), variants / alone


def noisy(text: str, words: list[str], chance: random.Random) -> str:
    """Return ``text`` as another call says it: 8% of the words heard wrong, two in five cut at the start."""
    told = [chance.choice(words) if chance.random() < 0.08 else word for word in text.split()]
    if chance.random() < 0.4:
        told = told[chance.randint(1, max(1, len(told) // 3)) :]
    return " ".join(told)


if __name__ == "__main__":
    print(machine())
    given = sys.argv[1:]
    show(run(Path(given[0]) if given else HELD_OUT, int(given[1]) if len(given) > 1 else SPLITS))
