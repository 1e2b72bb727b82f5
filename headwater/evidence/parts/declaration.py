"""The declaration draft: 28 U.S.C. 1746, for a custodian to correct and sign. Figures come from the record alone.

It names what was measured and how, the wording follows each traceback's grade, and the facts that cut against stand in
it. Called numbers are masked: a declaration is filed, and what is filed is public.
"""

from collections.abc import Mapping
from typing import Any

from headwater.evidence.material import Call, CampaignFacts, Material, origins, spoken
from headwater.evidence.parts import declaration_facts as facts
from headwater.evidence.parts import paper
from headwater.evidence.parts.bates import Bates
from headwater.typeface import lacking

HEADER = "DRAFT, NOT SIGNED. For the custodian to check, correct and sign under 28 U.S.C. 1746."
#: Tracebacks shown on paper; all are in provider-path.csv.
MOST_SHOWN = 40
_BLANK = "______________________________"


def octets(material: Material, bates: Bates) -> bytes:
    """Return the draft as a PDF."""
    numbered = [
        *_declarant(), *_system(), *_campaigns(material), *_ringing(material), *_tracebacks(material),
        *facts.knowledge(material), *facts.volume(material), *facts.spoofing(material), *facts.harm(material),
        *facts.delay(material), *_limits(material),
    ]  # fmt: skip
    matter = material.matter
    story = [
        paper.title(f"Declaration of {_BLANK}"),
        paper.facts(
            [
                ("In the matter of", matter.request.case_number),
                ("Before", _BLANK),
                ("Produced to", matter.agency),
                ("Under", f"{matter.process_type} {matter.process_id}, {matter.request.statute}"),
                ("Package", f"{matter.package_id}, sealed {spoken(material.sealed_at)}"),
            ]
        ),
        paper.gap(),
        # Never a page that holds a signature alone.
        *numbered[:-1],
        paper.together(numbered[-1], *_signature()),
    ]
    footer = f"Headwater package {matter.package_id}, declaration draft"
    margins = paper.Margins(header=HEADER, footer=footer)
    return paper.pdf(
        story,
        name="Declaration draft",
        margins=margins,
        bates=bates,
        at=material.sealed_at,
    )


def _declarant() -> list[Any]:
    return [
        paper.heading("1. Declarant and basis of knowledge"),
        paper.paragraph(
            f"I, {_BLANK}, am {_BLANK} of {_BLANK}, and custodian of the records described here. I make this "
            "declaration from my own knowledge of how the records are made and kept, and from the records themselves."
        ),
        paper.note(
            "For the custodian: state your qualifications and what you checked yourself. Strike what you did not."
        ),
    ]


def _system() -> list[Any]:
    return [
        paper.heading("2. How the records are made"),
        paper.paragraph(
            "Headwater receives reports of single calls from call-blocking applications, honeypots and carriers as the "
            "calls happen. Each report is stored with the octets as they came in, their SHA-256 and the time of "
            "receipt. Reports whose spoken words are alike are grouped into a campaign; each membership is stored with "
            "the score, the call it is nearest to and the version of the rule."
        ),
        paper.paragraph(
            "A call is traced from the provider that delivered it towards its source. Each provider is asked who "
            "handed it that call. It answers from its own call records; an answer by machine is signed with a key that "
            "the provider registered before. Question, answer, times and signature are stored as they were sent. Each "
            "change and each look is written, in the same transaction, to an audit log whose entries are chained by "
            "hash."
        ),
        paper.paragraph(
            f"Times of receipt are those of the clock of the host that received. I checked that clock against {_BLANK} "
            f"on {_BLANK} and found a difference of {_BLANK}. A time of a call is its sender's; each record holds both."
        ),
        paper.paragraph(
            f"How often the rule takes a call for a campaign's that is not, as last measured: {_BLANK}, by {_BLANK}. "
            "The tables name for each call why it was taken, so that any of them can be judged by itself."
        ),
    ]


def _campaigns(material: Material) -> list[Any]:
    one = len(material.campaigns) == 1
    found = [paper.heading(f"3. The campaign{'' if one else 's'} and how {'it was' if one else 'they were'} found")]
    of = {row["record_id"]: row.get("campaign") for row in material.members}
    for campaign in material.campaigns:
        heard = next(
            (call for call in material.calls if call.transcript and of.get(call.record_id) == campaign.id), None
        )
        found += [paper.paragraph(_campaign(campaign)), *_heard(heard)]
    calls = f"Within what the acceptance opened lie {paper.count(material.in_scope.calls, 'reported call')}"
    numbers = f"from {paper.count(material.in_scope.callers, 'calling number')}"
    full = f"The package holds {paper.count(len(material.calls), 'of them', 'of them')} in full."
    return [*found, paper.paragraph(f"{calls}, {numbers}. {full}")]


def _campaign(campaign: CampaignFacts) -> str:
    """Return how one campaign was found, and how many of its calls the scope holds."""
    confirmed = f" and confirmed it at {spoken(campaign.confirmed_at)}" if campaign.confirmed_at else ""
    also = f" {', '.join(campaign.went_into_it)} went into it, as people decided." if campaign.went_into_it else ""
    part = (
        "" if campaign.whole else " Not all of it was opened: its calls here are those of single numbers or tracebacks."
    )
    first = f"Its first call{'' if campaign.whole else ' in the scope'} was placed at {spoken(campaign.first_call_at)}"
    calls = paper.count(campaign.in_scope.calls, "reported call belongs", "reported calls belong")
    numbers = paper.count(campaign.in_scope.callers, "calling number")
    return (
        f"The campaign {campaign.id} is called \u201c{campaign.name}\u201d.{also} {first}; Headwater detected it at "
        f"{spoken(campaign.detected_at)}{confirmed}. It was decided by rule {campaign.rule_version}.{part} Within the "
        f"scope, {calls} to it, from {numbers}."
    )


def _heard(call: Call | None) -> list[Any]:
    if call is None:
        return []
    if lacking(call.transcript) > len(call.transcript) // 10:
        where = f"transcripts/{call.record_id}.txt"
        return [paper.paragraph(f"The words of one of its calls, in letters that this paper's face lacks: {where}.")]
    text = call.transcript if len(call.transcript) <= 900 else call.transcript[:900] + " (shortened)"
    return [paper.paragraph(f"One of its calls, record {call.record_id}, says:"), paper.quote(text)]


def ringing_sentences(material: Material) -> list[str]:
    """Return whether each campaign rang at sealing, with the interval and what it is an interval of."""
    return [_ringing_sentence(campaign, alone=len(material.campaigns) == 1) for campaign in material.campaigns]


def _ringing_sentence(campaign: CampaignFacts, *, alone: bool) -> str:
    ringing = campaign.ringing
    named = "the campaign" if alone else f"campaign {campaign.id}"
    of = named if campaign.whole else f"{named}, in the scope,"
    if ringing.last_call_at is None:
        return f"At {spoken(ringing.at)} the scope held no call of {named}."
    window = f"{ringing.window_s // 60} minutes" if ringing.window_s >= 120 else f"{ringing.window_s} seconds"
    before = paper.count(ringing.calls_last_minute, "call was", "calls were")
    rate = (
        f"{before} reported in the minute before, and over the last {window} calls were reported at "
        f"{ringing.rate_per_minute:.1f} a minute (95% Poisson interval {ringing.rate_low:.1f} to "
        f"{ringing.rate_high:.1f})."
    )
    is_now = "still ringing" if ringing.still_ringing else "silent"
    last = spoken(ringing.last_call_at)
    return f"At {spoken(ringing.at)} {of} was {is_now}. Its last known call came at {last}. {rate}"


def _ringing(material: Material) -> list[Any]:
    found = [paper.heading("4. Whether the calls go on")]
    for campaign, sentence in zip(material.campaigns, ringing_sentences(material), strict=True):
        expected = campaign.ringing.next_call_expected_at
        # Where the mean interval has passed already, the silence so far is what the sentence above tells.
        if expected is not None and expected > campaign.ringing.at:
            found.append(
                paper.paragraph(f"{sentence} At that rate the next report was expected at {spoken(expected)}.")
            )
        else:
            found.append(paper.paragraph(sentence))
    found.append(
        paper.note("The rate is that of reports to Headwater. It is not an estimate of all calls of a campaign.")
    )
    return found


def _tracebacks(material: Material) -> list[Any]:
    found = [paper.heading("5. Where the calls came from")]
    named = origins(material)
    total = len(material.tracebacks)
    if named:
        for spc, (name, count) in sorted(named.items()):
            found.append(
                paper.paragraph(
                    f"{count} of {total} tracebacks ended with the confirmed origin {name} ({spc}): the provider "
                    "itself answered that its customer placed the call. The sentence of each traceback below says "
                    "what else supports it."
                )
            )
    else:
        found.append(paper.paragraph(f"None of {total} tracebacks ended with a confirmed origin."))
    for trace in material.tracebacks[:MOST_SHOWN]:
        found += _one_traceback(trace, [row for row in material.path if row["traceback_id"] == trace["traceback_id"]])
    if total > MOST_SHOWN:
        found.append(paper.note(f"{total - MOST_SHOWN} further tracebacks are in provider-path.csv."))
    return found


def _one_traceback(trace: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> list[Any]:
    intro = paper.paragraph(
        f"Traceback {trace['traceback_id']}: call of {spoken(trace['call_at'])} from {trace['calling']} to "
        f"{trace['called_masked']}. {trace['grade_words']}. {trace['outcome']}"
    )
    head = ("Hop", "Provider", "Role in this call", "Asked (UTC)", "Took", "Answer", "Received from", "Signed")
    body = [
        (
            row["hop"],
            f"{row['provider']} ({row['provider_spc']})",
            row["role"],
            spoken(row["asked_at"]).removesuffix(" UTC"),
            f"{row['took_seconds']} s" if row["took_seconds"] is not None else "no answer",
            row["answer"] or row["state"],
            f"{row['upstream']} ({row['upstream_spc']})" if row["upstream_spc"] else row["upstream"],
            row["signed"],
        )
        for row in rows
    ]
    return [paper.together(intro, paper.table(head, body, (0.7, 2.2, 1.7, 2.3, 1.0, 2.3, 2.2, 1.1))), paper.gap()]


def _limits(material: Material) -> list[Any]:
    withheld = [part.sentence for part in material.withheld]
    return [
        paper.heading("11. Limits, and facts that cut against"),
        *paper.items(material.limits),
        paper.heading("12. What is not in the package"),
        *paper.items(withheld),
    ]


def _signature() -> list[Any]:
    return [
        paper.heading("13. Declaration"),
        paper.paragraph(
            "I declare under penalty of perjury under the laws of the United States of America that the foregoing is "
            "true and correct."
        ),
        paper.paragraph(f"Executed on {_BLANK} at {_BLANK}."),
        paper.gap(22),
        paper.paragraph(f"{_BLANK}   (not signed: this is a draft)"),
    ]
