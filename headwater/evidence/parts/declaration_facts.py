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
    return [*found, *_told_to_stop(material)]


def _told_to_stop(material: Material) -> list[Any]:
    """Return which provider was told to stop, how that is proven, and what it reported."""
    if not material.told_to_stop:
        return [paper.paragraph("No notice that asks a provider to stop these calls rests on a call in the scope.")]
    head = ("Notice", "Provider", "Sent (UTC)", "Proven by", "Acknowledged", "Reported")
    body = []
    for notice in material.told_to_stop[:_MOST_TOLD]:
        row = notice.row
        proven = [
            # Without the address: the paper is filed in the open.
            f"{one['way'].partition(' to ')[0]} {spoken(one['delivered_at'])}"
            for one in notice.deliveries
            if one["state"] == "delivered"
        ]
        body.append(
            (
                f"{row['kind']} {row['notice_id']}", f"{row['provider']} ({row['provider_spc']})",
                spoken(row["sent_at"]).removesuffix(" UTC"), "; ".join(proven) or "nothing yet",
                spoken(row["acknowledged_at"]) or "no", row["reported_action"] or "nothing",
            )
        )  # fmt: skip
    return [
        paper.paragraph(
            "These notices asked a provider to stop the calls. Each is in relief-notices.csv, every delivery with what "
            "proves it in relief-deliveries.csv, the letter itself in notices/."
        ),
        paper.table(head, body, (1.8, 1.8, 1.6, 2.6, 1.6, 1.8)),
    ]


def volume(material: Material) -> list[Any]:
    """Return the counts, the rate with its interval, the states called."""
    counted = material.in_scope
    known = [(state or "unknown", count) for state, count in counted.states.items()]
    shown = ", ".join(f"{state} {count:,}" for state, count in known[:20])
    more = f", and {len(known) - 20} others" if len(known) > 20 else ""
    return [
        paper.heading("7. Volume and the states called"),
        paper.paragraph(
            f"{counted.calls:,} reports were counted one by one (senders: {len(counted.sources)}); the count is exact."
            f"{_an_hour(material)}"
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


def _an_hour(material: Material) -> str:
    """Return each campaign's reports an hour in the scope, with its interval, as sentences."""
    said = ""
    for campaign in material.campaigns:
        rate = measures.an_hour(material, campaign)
        if rate is not None:
            of = "them" if len(material.campaigns) == 1 else f"those of campaign {campaign.id}"
            said += (
                f" Over the time from the first of {of} to the last that is {rate.value:,.1f} an hour (95% interval "
                f"{rate.low:,.1f} to {rate.high:,.1f}, exact for a Poisson count)."
            )
    return said


def spoofing(material: Material) -> list[Any]:
    """Return what is known of whether the calling numbers were the callers' own."""
    counted, judged = material.in_scope, [signature.row for signature in material.signatures]
    found = [
        paper.heading("8. Calling numbers and signatures"),
        paper.paragraph(
            f"The {counted.calls:,} reports show {counted.callers:,} different calling numbers. A number is as it was "
            "signalled."
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
    kinds = {kind: count for kind, count in material.in_scope.kinds.items() if kind}
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
    hops = max((int(row["hop"]) for row in material.path), default=0)
    found = [paper.heading("10. What ordinary notice would cost")]
    for campaign in material.campaigns:
        named = "the campaign" if len(material.campaigns) == 1 else f"campaign {campaign.id}"
        day, fortnight = measures.ahead(campaign, 24), measures.ahead(campaign, 14 * 24)
        ahead = (
            f"If the rate of {named} at sealing went on, further reports would come in: in 24 hours {day.low:,.0f} to "
            f"{day.high:,.0f}; in 14 days, the time for which a temporary restraining order may first stand (Fed. R. "
            f"Civ. P. 65(b)(2)), {fortnight.low:,.0f} to {fortnight.high:,.0f} (95% interval of the rate, carried "
            "forward)."
        )
        silent = f"{named[0].upper()}{named[1:]} was silent at sealing: what delay would cost is not shown by its rate."
        found.append(paper.paragraph(ahead if campaign.ringing.still_ringing else silent))
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
