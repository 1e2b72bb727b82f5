"""The cover: matter, process, scope, what was found, what was withheld, how to check the package."""

from datetime import datetime

from headwater.evidence.disclosure import RULE_WORDS, Rule
from headwater.evidence.material import Material, origins, spoken
from headwater.evidence.parts import paper
from headwater.evidence.parts.bates import Bates
from headwater.evidence.parts.declaration import ringing_sentences
from headwater.legal.rules import Subjects

#: Campaigns, tracebacks or numbers that the cover names.
_MOST_NAMED = 12


def finding(material: Material) -> str:
    """Return the package's finding in one sentence; it claims no more than the grades allow."""
    named = origins(material)
    total = len(material.tracebacks)
    if named:
        shown = "; ".join(f"{name} ({spc}) in {count} of {total} tracebacks" for spc, (name, count) in named.items())
        return f"Confirmed origin: {shown}."
    best = next((t for t in material.tracebacks if t["grade"] == "entry_confirmed"), None)
    if best is not None:
        return f"No origin is confirmed. {best['outcome']}"
    return f"No origin is confirmed in {total} tracebacks. The tables say how far each was proven."


def _cited(material: Material) -> list[tuple[Rule, str]]:
    cited = {part.rule for part in material.withheld}
    return [(rule, words) for rule, words in RULE_WORDS.items() if rule in cited]


def _window(start: datetime, end: datetime | None, material: Material) -> str:
    return f"{spoken(start)} to {spoken(end) or f'the sealing, {spoken(material.sealed_at)}'}"


def _subjects(opened: Subjects) -> str:
    """Return what the acceptance opened, by its numbers; many are counted."""
    found = []
    for what, values in (
        ("campaign", opened.campaigns),
        ("traceback", opened.tracebacks),
        ("calls from", {f"+{one}" for one in opened.numbers}),
    ):
        named = ", ".join(sorted(values)[:_MOST_NAMED])
        more = f" and {len(values) - _MOST_NAMED} more (process.json)" if len(values) > _MOST_NAMED else ""
        found += [f"{what} {named}{more}"] if values else []
    return "; ".join(found) or "nothing is named: see process.json"


def octets(material: Material, key_id: str, bates: Bates) -> bytes:
    """Return the cover as a PDF."""
    matter, asked = material.matter, material.matter.request
    opened = ["provider path, call examples, transcripts (path data)"]
    opened += ["called numbers in full"] if matter.grant.called_numbers else []
    opened += ["customer identity"] if matter.grant.customer_identity else []
    story = [
        paper.title(f"Evidence package {matter.package_id}"),
        paper.facts(
            [
                ("Matter", asked.case_number),
                ("Produced to", matter.agency),
                ("Process", f"{matter.process_type}, {matter.process_id}, served {spoken(matter.served_at)}"),
                ("Authority", f"{asked.authority}; {asked.statute}"),
                ("Signed by", asked.signer),
                ("Served by", matter.requester),
                ("Accepted", f"{spoken(matter.decided_at)} by {matter.decided_by.partition(':')[2]}"),
                ("Scope asked for", asked.scope),
                ("Asked for calls", _window(asked.covers_from, asked.covers_to, material)),
                ("Opened calls", _window(*matter.window, material)),
                ("Opened of them", _subjects(matter.opened)),
                ("Opened classes", "; ".join(opened)),
            ]
        ),
        paper.heading("What was found"),
        *(
            paper.paragraph(f"Campaign {one.called}: {paper.count(one.in_scope.calls, 'reported call')} in the scope.")
            for one in material.campaigns
        ),
        paper.paragraph(finding(material)),
        *(paper.paragraph(sentence) for sentence in ringing_sentences(material)),
        paper.heading("What is in the package"),
        paper.facts(
            [
                ("Calls in the scope", f"{material.in_scope.calls:,} (calls/members.csv)"),
                ("Campaigns", f"{len(material.campaigns):,} (campaigns.csv and .json)"),
                ("Calls in full", f"{len(material.calls):,} (calls/, transcripts/)"),
                ("Tracebacks", f"{len(material.tracebacks):,} (tracebacks.json)"),
                ("Traceback table", "traceback-table.csv and .json: every hop with its call, times, attestation"),
                ("Figures", "figures.csv and .json: each with its method and 95% interval"),
                ("Provider path", f"{len(material.path):,} questions (provider-path.csv and .json)"),
                ("Answers", f"{len(material.answers):,} (answers/)"),
                ("Signatures", f"{len(material.signatures):,} signed calls judged (signatures/)"),
                ("Call-path graph", "call-path.pdf and .json"),
                ("Notice log", f"{len(material.notices):,} notices (notices.csv and .json)"),
                (
                    "Notices to stop",
                    f"{len(material.told_to_stop):,} (relief-notices.csv, relief-deliveries.csv, notices/)",
                ),
                ("Providers", f"{len(material.dossiers):,} dossiers (providers/)"),
                ("Who can stop the calls", "relief.csv, relief-numbers.csv, relief.json"),
                ("Timeline", f"{len(material.timeline):,} events (timeline.csv and .json)"),
                ("Custody log", f"{len(material.custody):,} entries (custody-log.jsonl)"),
                ("Declaration", "declaration-draft.pdf, not signed"),
                ("Certifications", "certifications-902.pdf, forms, not signed"),
                ("Exports", "exports/: CASE/UCO JSON-LD, Concordance and Opticon load files"),
            ]
        ),
        paper.heading("What is not in it"),
        *paper.items([part.sentence for part in material.withheld]),
        paper.note("Rules: " + " ".join(f"{rule.value}: {words}" for rule, words in _cited(material))),
        paper.heading("Documents of the process"),
        paper.table(
            ("Document", "Octets", "SHA-256 as received", "Received"),
            [(d["filename"], d["size"], d["sha256"], spoken(d["received_at"])) for d in matter.documents],
            (1.9, 0.7, 4.6, 1.7),
        ),
        paper.heading("How to check it"),
        paper.paragraph(
            "Run: python3 verify.pyz FILE --key CUSTODIAN.pem, with verify.pyz from here or from the custodian. "
            "It needs Python and no network, names every check and the file in which a single octet was changed."
        ),
        paper.paragraph(f"Key that seals it: {key_id}. Compare it with the custodian's published key by another way."),
    ]
    header = f"EVIDENCE PACKAGE {matter.package_id}. Contains path data of telephone calls."
    return paper.pdf(
        story,
        name=f"Package {matter.package_id}",
        margins=paper.Margins(header=header, footer=f"Headwater {material.software}"),
        bates=bates,
        at=material.sealed_at,
    )
