"""Calls that are reworded one by one: how many still join their campaign, beside cosine alone. SYNTHETIC rewording.

Twice: held-out scripts reworded by rules written for this bench (words are exchanged for others of the same meaning,
sentences change places, fillers come in, phrases fall out; strength is the share of exchangeable words exchanged), and
``reworded.txt``: 48 calls, twelve held-out scripts written anew four times each by a language model that was asked to
keep what is wanted, the numbers and the names, and to choose every other word itself. It is small, and harder than what
has been seen so far; nothing was chosen by it.
"""

import json
import random
import re
import uuid
from pathlib import Path
from typing import Any

from bench.campaigns import HELD_OUT
from bench.report import Claim
from headwater.campaigns.engine import SAME, Matcher
from headwater.campaigns.labels import shipped
from headwater.campaigns.naming import Namer
from headwater.campaigns.script import read

STRENGTHS = (0.3, 0.6, 1.0)
REWORDED = Path(__file__).parent / "reworded.txt"
_ALIKE = """account|profile|file  immediately|right away|at once|without delay  call|phone|ring  press|dial|hit|push
suspended|frozen|blocked|put on hold  number|line  important|urgent|serious  message|notice|recording  receive|get
purchase|order|transaction  cancel|stop|call off  authorize|approve|allow  representative|agent|specialist|officer
payment|charge|bill  amount|sum  credit|loan  eligible|qualified|approved  reduce|lower|cut  interest|finance
final|last  warranty|coverage|protection  expire|run out|end  vehicle|car|auto  record|file|history  legal|court
action|step|proceeding  department|office|division  enforcement|police  offer|deal|promotion  discount|reduction|saving
customer|client|subscriber  service|help|support  today|this very day|now  attempt|try  contact|reach  regarding|about
information|details|data  please|kindly  speak|talk  connect|transfer|put through  remove|take off|delete  free|gratis
student|college  forgiveness|relief  medicare|health plan  insurance|cover  confirm|verify|check  fraud|scam
suspicious|unusual|strange  activity|usage  security|safety  social|personal  benefit|payout  electricity|power|energy
disconnect|shut off|turn off  within|in under  minutes|moments  immediate|instant  issue|matter|problem  owe|have to pay
new|recent  available|ready  program|plan|scheme  government|federal|state  lawsuit|case|complaint  ignore|neglect"""
ALIKE: dict[str, list[str]] = {}
for _group in re.split(r"\s{2,}|\n", _ALIKE):
    for _word in _group.split("|"):
        ALIKE[_word] = [other for other in _group.split("|") if other != _word]
_FILLERS = ("you know", "as I said", "again", "just so you are aware", "listen", "actually")


def reword(text: str, strength: float, chance: random.Random) -> str:
    """Return ``text`` said otherwise."""
    sentences = [sentence for sentence in re.split(r"(?<=[.!?])\s+", text) if sentence]
    if len(sentences) > 2 and chance.random() < strength:
        at = chance.randrange(len(sentences) - 1)
        sentences[at], sentences[at + 1] = sentences[at + 1], sentences[at]
    told = []
    for word in " ".join(sentences).split():
        plain = word.strip(".,!?").lower()
        others = ALIKE.get(plain) or ALIKE.get(plain.removesuffix("s"))
        if others and chance.random() < strength:
            told.append(chance.choice(others))
        elif chance.random() < 0.10 * strength:
            continue
        else:
            told.append(word)
        if chance.random() < 0.04 * strength:
            told.append(chance.choice(_FILLERS))
    return " ".join(told)


def run() -> Claim:
    rows = [json.loads(line) for line in HELD_OUT.read_text("utf-8").splitlines()]
    rows = [row for row in rows if row["label_kind"] == "itg-campaign" and len(row["transcript"].split()) >= 12]
    matcher = Matcher([known.script for known in shipped().known])
    labels: dict[str, str] = {}
    for number, row in enumerate(rows):
        script = read(row["transcript"])
        placement = matcher.place(script)
        campaign = placement.campaign_id or f"C{number}"
        labels.setdefault(campaign, row["campaign"])
        matcher.keep(uuid.UUID(int=number), campaign, script, placement)
    notes = [f"{len(rows)} held-out scripts of {len(set(labels.values()))} campaigns in memory; each reworded once"]
    for strength in STRENGTHS:
        chance = random.Random(7)
        right = wrong = near = 0
        for row in rows:
            placement = matcher.place(read(reword(row["transcript"], strength, chance)))
            if placement.campaign_id is not None:
                same = labels[placement.campaign_id] == row["campaign"]
                right, wrong = right + same, wrong + (not same)
                near += placement.score >= SAME
        share = len(rows)
        notes.append(
            f"strength {strength:.1f}: {right / share:.3f} join their campaign, {wrong / share:.3f} another, "
            f"{1 - (right + wrong) / share:.3f} none; by near-equal words alone {near / share:.3f} join"
        )
    notes += _freely(rows)
    return Claim(title="Reworded calls: how many still join their campaign", figures=[], notes=notes)


def _freely(rows: list[dict[str, Any]]) -> list[str]:
    """Place the freely reworded calls, one after the other, beside the scripts that they reword and all others."""
    told = [line.split("|", 1) for line in REWORDED.read_text("utf-8").splitlines()]
    wanted = {call_id for call_id, _ in told}
    matcher = Matcher([known.script for known in shipped().known])
    named: dict[str, str] = {}
    scripts: dict[str, tuple[str, str, str]] = {}
    for number, row in enumerate(rows):
        script = read(row["transcript"])
        placement = matcher.place(script)
        campaign = placement.campaign_id or f"C{number}"
        named.setdefault(campaign, row["campaign"])
        scripts[row["call_id"]] = (campaign, row["campaign"], row["family"])
        matcher.keep(uuid.UUID(int=number), campaign, script, placement)
    right = wrong = new = together = families = 0
    of_script: dict[str, list[str]] = {}
    namer = Namer(shipped())
    for number, (call_id, text) in enumerate(told, start=len(rows)):
        own, name, family = scripts[call_id]
        script = read(text)
        placement = matcher.place(script)
        campaign = placement.campaign_id or f"C{number}"
        right += campaign == own or named.get(campaign) == name
        wrong += placement.campaign_id is not None and campaign != own and named.get(campaign) not in (None, name)
        new += placement.campaign_id is None
        families += namer.propose([script]).family == family
        named.setdefault(campaign, name)
        of_script.setdefault(call_id, []).append(campaign)
        matcher.keep(uuid.UUID(int=number), campaign, script, placement)
    together = sum(max(map(groups.count, groups)) >= 3 for groups in of_script.values())
    size = len(told)
    first = f"written anew by a language model ({size} calls of {len(wanted)} scripts): "
    first += (
        f"{right / size:.3f} join their campaign, {wrong / size:.3f} another, {new / size:.3f} found one of their own"
    )
    return [
        first,
        f"  family right {families / size:.3f}; {together} of {len(of_script)} scripts have three of their four in one",
    ]
