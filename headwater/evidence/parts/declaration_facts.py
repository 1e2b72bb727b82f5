"""The parts of the declaration draft that state figures and argue nothing. Pure.

What providers were told, volume, spoofing, harm, and what ordinary notice would cost: each figure comes from the
record, with its method and its interval.
"""

from collections import Counter
from typing import Any

from headwater.evidence.material import Material, spoken
from headwater.evidence.parts import measures, paper
from headwater.evidence.scope import NPA_CAVEAT

_BLANK = "______________________________"
#: Providers shown on paper; all are in notices.csv.
_MOST_TOLD = 40
#: What a reader knows the senders as.
_KINDS = {
    "app": "call-blocking applications", "honeypot": "honeypots", "complaint": "complaints of people",
    "carrier": "carriers",
}  # fmt: skip


def knowledge(material: Material) -> list[Any]:
    """Return what each provider was told and when, and what it did about it."""
    head = ("Provider", "Notices", "First (UTC)", "Last (UTC)", "Seen", "In time", "Late", "No answer", "Answers")
    rows = measures.told(material)
    body = [
        (
            f"{row['provider']} ({row['provider_spc']})", row["notices"], spoken(row["first_at"]).removesuffix(" UTC"),
            spoken(row["last_at"]).removesuffix(" UTC"), row["seen"], row["in_time"], row["late"], row["unanswered"],
            ", ".join(f"{code} {count}" for code, count in row["answers"].items()),
        )
        for row in rows[:_MOST_TOLD]
    ]  # fmt: skip
    found = [
        paper.heading("6. What the providers were told, and when"),
        paper.paragraph(
            "Each question to a provider names the call, the campaign and the day, and so tells it that a call it "
            "carried is suspected to be unlawful. These were put in the tracebacks of this package; each is in "
            "notices.csv with the moment at which it was sent, seen and answered."
        ),
    ]
    if not body:
        return [*found, paper.paragraph("No provider was asked about a call in the scope.")]
    found.append(paper.table(head, body, (2.0, 1.0, 1.6, 1.6, 0.8, 0.8, 0.7, 1.0, 2.1)))
    if len(rows) > _MOST_TOLD:
        found.append(paper.note(f"{len(rows) - _MOST_TOLD} further providers are in notices.csv."))
    found.append(paper.note("A notice shows what was sent. Being asked about a call shows no fault of the one asked."))
    return found


def volume(material: Material) -> list[Any]:
    """Return the counts, the rate with its interval, the states called."""
    campaign = material.campaign
    known = [(state or "unknown", count) for state, count in campaign.states.items()]
    shown = ", ".join(f"{state} {count:,}" for state, count in known[:20])
    more = f", and {len(known) - 20} others" if len(known) > 20 else ""
    rate = measures.an_hour(material)
    over = (
        f" Over the time from the first of them to the last that is {rate.value:,.1f} an hour (95% interval "
        f"{rate.low:,.1f} to {rate.high:,.1f}, exact for a Poisson count)."
        if rate
        else ""
    )
    return [
        paper.heading("7. Volume and the states called"),
        paper.paragraph(
            f"{campaign.calls_in_scope:,} reports were counted one by one (senders: {len(campaign.sources)}); the "
            f"count is exact.{over}"
        ),
        paper.paragraph(
            "How many calls were placed in all was not estimated: reports come from lines whose senders take part. "
            "Who can state, with its source, which share of the lines called those are, divides by it. That share is "
            f"{_BLANK}, as known from {_BLANK}."
        ),
        paper.paragraph(
            f"By the area code of the called number: {shown}{more}." if shown else "No report is in scope."
        ),
        paper.note(NPA_CAVEAT),
    ]


def spoofing(material: Material) -> list[Any]:
    """Return what is known of whether the calling numbers were the callers' own."""
    campaign, judged = material.campaign, [signature.row for signature in material.signatures]
    found = [
        paper.heading("8. Calling numbers and signatures"),
        paper.paragraph(
            f"The {campaign.calls_in_scope:,} reports show {campaign.callers:,} different calling numbers. A number "
            "is as it was signalled."
        ),
    ]
    if not judged:
        return [*found, paper.paragraph("No call in the package reached Headwater with a signature (STIR/SHAKEN).")]
    levels = Counter(str(row.get("attestation") or "none") for row in judged)
    results = Counter(str(row.get("result") or "not judged") for row in judged)
    flags = Counter(flag["kind"] for row in judged for flag in row.get("worth_a_look", ()))
    found.append(
        paper.paragraph(
            f"{len(judged):,} of the {len(material.calls):,} calls in full carried a signature. By the attestation in "
            f"it: {_listed(levels)}. As judged when each call came in: {_listed(results)}. Every check is in "
            "signatures/index.json."
        )
    )
    if flags:
        found.append(paper.paragraph(f"Worth a look: {_listed(flags)}."))
    found.append(paper.note("An attestation is the signer's own claim. Level A says that it knows the caller's right "
                            "to the number, not that the call is lawful."))  # fmt: skip
    return found


def harm(material: Material) -> list[Any]:
    """Return what the record holds of harm, and what only the agency can state."""
    kinds = {kind: count for kind, count in material.campaign.kinds.items() if kind}
    told = ", ".join(f"{_KINDS.get(kind, kind)} {count:,}" for kind, count in sorted(kinds.items()))
    complaints = kinds.get("complaint", 0)
    return [
        paper.heading("9. Harm"),
        paper.paragraph(
            f"Of the reports in the scope, {complaints:,} are complaints of people who were called. By kind of sender: "
            + (f"{told}." if told else "not recorded.")
        ),
        paper.paragraph(f"Losses that were reported to the agency, and how they were counted: {_BLANK}{_BLANK}."),
        paper.note("Headwater holds no losses. What a call said is in the transcripts and recordings."),
    ]


def delay(material: Material) -> list[Any]:
    """Return what would go on while ordinary notice runs, as far as figures say it."""
    day, fortnight = measures.ahead(material, 24), measures.ahead(material, 14 * 24)
    hops = max((int(row["hop"]) for row in material.path), default=0)
    found = [paper.heading("10. What ordinary notice would cost")]
    if material.ringing.still_ringing:
        found.append(
            paper.paragraph(
                "If the rate at sealing went on, further reports would come in: in 24 hours "
                f"{day.low:,.0f} to {day.high:,.0f}; in 14 days, the time for which a temporary restraining order "
                f"may first stand (Fed. R. Civ. P. 65(b)(2)), {fortnight.low:,.0f} to {fortnight.high:,.0f} (95% "
                "interval of the rate, carried forward)."
            )
        )
    else:
        found.append(
            paper.paragraph("The campaign was silent at sealing: what delay would cost is not shown by its rate.")
        )
    if hops:
        found.append(
            paper.paragraph(
                f"The longest path in the package has {hops} steps. Each provider may take until its legal due time to "
                "answer (47 CFR 64.1200(n)(1)); asked one after another, each on the last day, the same path would "
                f"take {hops} business days."
            )
        )
    found.append(paper.note("Whether notice should be dispensed with is for counsel and the court. State here what "
                            f"efforts to give notice were made: {_BLANK}{_BLANK}."))  # fmt: skip
    return found


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
