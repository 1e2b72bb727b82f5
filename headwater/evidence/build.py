"""Writes a package: the same material and key give the same octets. No I/O but the file that is handed in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater.evidence import bundle, container, custody, keys, layout, published, tables
from headwater.evidence.consistency import PATH_COLUMNS
from headwater.evidence.disclosure import RULE_WORDS
from headwater.evidence.material import Call, CampaignFacts, Counted, Material, facts, instant
from headwater.evidence.paper_seal import PaperSeal
from headwater.evidence.parts import (
    call_graph,
    case_uco,
    concordance,
    cover,
    declaration,
    measures,
    readme,
    relief,
    rule_902,
    traceback_table,
)
from headwater.evidence.parts.bates import Bates, Exhibit
from headwater.legal.rules import Subjects
from headwater.wire.canonical import canonical_json

_MEMBER_COLUMNS = (
    "record_id", "campaign", "call_at", "joined_at", "source", "calling", "called", "called_area_state",
    "terminating_provider_spc", "similarity", "nearest_record_id", "rule_version", "in_full",
)  # fmt: skip
#: The notice log: in *U.S. v. Palumbo* and *Florida v. Smartbiz* the courts dwelt on what a provider knew once told.
NOTICE_COLUMNS = (
    "notice_id", "traceback_id", "hop", "provider", "provider_spc", "campaign", "way", "sent_at", "seen_at", "seen_by",
    "legal_due_at", "answered_at", "answer", "in_time",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written: the digest of the manifest and the key that signed it."""

    manifest_sha256: str
    key_id: str


def exhibits(material: Material, key: Ed25519PrivateKey, papers: PaperSeal | None = None) -> list[Exhibit]:
    """Return every file of the package but the manifest and its signature, in the order in which they are written.

    Each takes its Bates numbers as it is made: one a page of paper, one any other file. ``papers`` signs each paper.
    """
    bates = Bates(material.matter.package_id)
    found: list[Exhibit] = []
    for name, made in _files(material, key, bates):
        before = bates.last
        octets = made if isinstance(made, bytes) else _paper(made(), papers)
        if bates.last == before:
            bates.next()
        ends = bates.at(before + 1), bates.at(bates.last)
        found.append(Exhibit(path=name, octets=octets, first=ends[0], last=ends[1], pages=bates.last - before))
    if papers is not None:
        label = bates.next()
        name, octets = layout.PAPER_CERTIFICATE, papers.certificates
        found.append(Exhibit(path=name, octets=octets, first=label, last=label, pages=1))
    # The load files name every other file with its numbers, so they come last and carry none.
    for name, octets in (
        (layout.CONCORDANCE, concordance.dat(material, found)),
        (layout.OPTICON, concordance.opt(found, bates)),
    ):
        found.append(Exhibit(path=name, octets=octets, first="", last="", pages=0))
    return found


def _paper(octets: bytes, papers: PaperSeal | None) -> bytes:
    return papers.sign(octets) if papers is not None else octets


def _files(
    material: Material, key: Ed25519PrivateKey, bates: Bates
) -> Iterator[tuple[str, bytes | Callable[[], bytes]]]:
    """Yield name and contents; paper as a function, which numbers its pages when it is called."""
    public = key.public_key()
    known = keys.key_id(public)
    yield "README.txt", readme.octets(material, known)
    yield "cover.pdf", lambda: cover.octets(material, known, bates)
    yield "declaration-draft.pdf", lambda: declaration.octets(material, bates)
    yield "call-path.pdf", lambda: call_graph.octets(material, bates)
    yield "certifications-902.pdf", lambda: rule_902.octets(material, known, bates)
    yield layout.VERIFIER, bundle.octets()
    yield layout.PUBLIC_KEY, keys.pem(public)
    yield from _tables(material)
    for call in material.calls:
        yield from _call(call)
    for notice in material.told_to_stop:
        if notice.letter is not None:
            yield layout.relief_letter(notice.row["notice_id"]), notice.letter
    for signature in material.signatures:
        if signature.identities:
            headers = "".join(f"{value}\n" for value in signature.identities)
            yield layout.identity(signature.row["record_id"]), headers.encode("utf-8", "replace")
    for digest, octets in material.certificates.items():
        yield layout.certificate(digest), octets
    for answer in material.answers:
        if answer.octets is not None:
            yield (
                layout.answer(answer.row["answer_id"], signed=answer.signed, deposited=answer.deposited),
                answer.octets,
            )


def _call(call: Call) -> Iterator[tuple[str, bytes]]:
    yield layout.call_json(call.record_id), tables.json_octets(dict(call.fields))
    if call.raw is not None:
        yield layout.call_raw(call.record_id), call.raw
    if call.transcript:
        yield layout.transcript(call.record_id), call.transcript.encode("utf-8", "replace")
    if call.recording is not None:
        yield layout.recording(call.record_id, call.recording.mediatype), call.recording.octets
    yield layout.vcon(call.record_id), call.vcon


def _tables(material: Material) -> Iterator[tuple[str, bytes]]:
    yield from _documents(material)
    given = _rows(material)
    bodies: dict[str, dict[str, Any]] = {
        layout.CAMPAIGNS: {"in_scope": _counted(material.in_scope)},
        "withheld.json": {"rules": {rule.value: words for rule, words in RULE_WORDS.items()}},
    }
    for path, member, csv_path in layout.TABLES:
        rows = given[path, member]
        bodies.setdefault(path, {})[member] = rows
        yield csv_path, tables.csv_octets(_COLUMNS.get(csv_path) or tables.columns_of(rows), rows)
    for path, body in bodies.items():
        yield path, tables.json_octets(body)


def _rows(material: Material) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the rows of every table, by file and member."""
    drawn = call_graph.graph(material)
    found: dict[tuple[str, str], Any] = {
        (layout.ANSWERS, "answers"): [answer.row for answer in material.answers],
        (layout.PROVIDER_KEYS, "keys"): material.provider_keys,
        ("call-path.json", "edges"): drawn.edges,
        ("call-path.json", "nodes"): drawn.nodes,
        (layout.CALLS, "calls"): [_listed(call) for call in material.calls],
        ("calls/members.json", "members"): material.members,
        (layout.CAMPAIGNS, "campaigns"): [_campaign(campaign) for campaign in material.campaigns],
        ("figures.json", "figures"): measures.table(material),
        ("figures.json", "told"): measures.told(material),
        ("notices.json", "notices"): material.notices,
        ("relief-notices.json", "deliveries"): [row for notice in material.told_to_stop for row in notice.deliveries],
        ("relief-notices.json", "notices"): [notice.row for notice in material.told_to_stop],
        ("relief.json", "calling_numbers"): relief.numbers(material),
        ("relief.json", "who_can_stop_the_calls"): relief.rows(material),
        (layout.SIGNATURES, "signatures"): [one.row for one in material.signatures],
        ("timeline.json", "events"): material.timeline,
        ("traceback-table.json", "rows"): traceback_table.rows(material),
        (layout.TRACEBACKS, "tracebacks"): material.tracebacks,
        ("withheld.json", "withheld"): _withheld(material),
    }
    return {key: [dict(row) for row in rows] for key, rows in found.items()}


#: Columns in the order in which people look for them; of other tables as the rows have them.
_COLUMNS: dict[str, tuple[str, ...]] = {
    "calls/members.csv": _MEMBER_COLUMNS,
    "figures.csv": measures.COLUMNS,
    "notices.csv": NOTICE_COLUMNS,
    "relief-numbers.csv": relief.NUMBER_COLUMNS,
    "relief.csv": relief.COLUMNS,
    "timeline.csv": ("at", "subject", "what"),
    "traceback-table.csv": traceback_table.COLUMNS,
    "withheld.csv": ("what", "count", "class", "rule", "why"),
}


def _documents(material: Material) -> Iterator[tuple[str, bytes]]:
    """Yield what is no table, and the path table, whose columns the verifier knows."""
    yield "process.json", tables.json_octets(_process(material))
    yield "limits.json", tables.json_octets({"limits": list(material.limits)})
    yield layout.PATH_CSV, tables.csv_octets(PATH_COLUMNS, material.path)
    yield layout.PATH_JSON, tables.json_octets({"rows": list(material.path)})
    yield layout.CUSTODY, custody.octets(material.custody)
    yield layout.CHECKPOINT, material.proofs.checkpoint
    yield layout.AUDIT_KEY, published.pem(material.proofs.public_key)
    paths = [{"path": list(path), "sequence": number} for number, path in sorted(material.proofs.paths.items())]
    yield layout.PROOFS, tables.json_octets({"proofs": paths})
    for dossier in material.dossiers:
        yield layout.dossier(dossier["provider_id"]), tables.json_octets(dict(dossier))
    yield "exports/case-uco.jsonld", tables.json_octets(case_uco.graph(material))


def write(
    file: BinaryIO,
    material: Material,
    key: Ed25519PrivateKey,
    *,
    papers: PaperSeal | None = None,
    stamped: Callable[[bytes], bytes] | None = None,
) -> Written:
    """Write the package to ``file``; ``papers`` signs its papers, ``stamped`` gives a time stamp over the manifest.

    The seal covers the manifest and, where there is one, the time stamp after it: no octet of either can be changed.

    Raises:
        TooLarge: it would pass what one package holds.
    """
    writer = container.Writer(file)
    listed = []
    for exhibit in exhibits(material, key, papers):
        writer.add(exhibit.path, exhibit.octets)
        numbers = {"bates_first": exhibit.first, "bates_last": exhibit.last} if exhibit.pages else {}
        digest = sha256(exhibit.octets).hexdigest()
        listed.append({"path": exhibit.path, "sha256": digest, "size": len(exhibit.octets), **numbers})
    manifest = tables.json_octets(
        {
            "format": layout.FORMAT,
            "package_id": material.matter.package_id,
            "process_id": material.matter.process_id,
            "created": instant(material.sealed_at),
            "software": {"name": "headwater", "version": material.software},
            "facts": facts(material),
            "files": listed,
        }
    )
    writer.add(layout.MANIFEST, manifest)
    stamp = stamped(manifest) if stamped is not None else b""
    if stamp:
        writer.add(layout.STAMP, stamp)
    writer.add(layout.SIGNATURE, signature_file(manifest + stamp, key))
    writer.close()
    return Written(manifest_sha256=sha256(manifest).hexdigest(), key_id=keys.key_id(key.public_key()))


def signature_file(sealed: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the file that seals ``sealed``: the key, its identifier and the signature."""
    public = key.public_key()
    return canonical_json(
        {
            "algorithm": "Ed25519",
            "key_id": keys.key_id(public),
            "public_key": keys.raw(public).hex(),
            "signature": key.sign(sealed).hex(),
        }
    )


def _listed(call: Call) -> dict[str, Any]:
    return {
        "record_id": call.record_id,
        "call_at": call.fields["call_at"],
        "source": call.fields["source"],
        "raw_sha256": call.raw_sha256,
        "raw_included": call.raw is not None,
        "recording": layout.recording(call.record_id, call.recording.mediatype) if call.recording else "",
    }


def _campaign(campaign: CampaignFacts) -> dict[str, Any]:
    counted, ringing = campaign.in_scope, campaign.ringing
    return {
        "id": campaign.id,
        "name": campaign.name,
        "opened": "as a whole" if campaign.whole else "single calls of it, by a number or a traceback",
        "merged_into_it": list(campaign.went_into_it),
        "name_is_new": campaign.name_is_new,
        "name_basis": dict(campaign.name_basis),
        "state": campaign.state,
        "first_call_at": instant(campaign.first_call_at),
        "last_call_at": instant(campaign.last_call_at),
        "detected_at": instant(campaign.detected_at),
        "confirmed_at": instant(campaign.confirmed_at),
        "rule_version": campaign.rule_version,
        "reports_known": campaign.calls_known,
        **_counted(counted),
        "still_ringing": ringing.still_ringing,
        "judged_at": instant(ringing.at),
        "last_call_of_it_at": instant(ringing.last_call_at),
        "calls_in_the_last_minute": ringing.calls_last_minute,
        "rate_per_minute": ringing.rate_per_minute,
        "rate_95_percent_interval": [ringing.rate_low, ringing.rate_high],
        "rate_window_seconds": ringing.window_s,
        "next_call_expected_at": instant(ringing.next_call_expected_at),
    }


def _counted(counted: Counted) -> dict[str, Any]:
    return {
        "reports_in_scope": counted.calls,
        "calling_numbers_in_scope": counted.callers,
        "reports_in_scope_by_state": dict(counted.states),
        "reports_in_scope_by_source": dict(counted.sources),
        "reports_in_scope_by_kind": dict(counted.kinds),
    }


def _process(material: Material) -> dict[str, Any]:
    matter, asked = material.matter, material.matter.request
    return {
        "id": matter.process_id,
        "type": matter.process_type,
        "agency": matter.agency,
        "served_by": matter.requester,
        "served_at": instant(matter.served_at),
        "case_number": asked.case_number,
        "authority": asked.authority,
        "statute": asked.statute,
        "signer": asked.signer,
        "scope": asked.scope,
        "covers_from": instant(asked.covers_from),
        "covers_to": instant(asked.covers_to),
        "return_date": asked.return_date.isoformat(),
        "asked": {
            "called_numbers": asked.called_numbers,
            "customer_identity": asked.customer_identity,
            **_subjects(asked.subjects),
        },
        "accepted": {
            "at": instant(matter.decided_at),
            "by": matter.decided_by,
            "reason": matter.decision_reason,
            "called_numbers": matter.grant.called_numbers,
            "customer_identity": matter.grant.customer_identity,
            "calls_from": instant(matter.window[0]),
            "calls_to": instant(matter.window[1]),
            **_subjects(matter.opened),
        },
        "documents": [dict(document) for document in matter.documents],
        "sealed": bool(getattr(asked, "sealed", False)),
        "nondisclosure_until": str(getattr(asked, "nondisclosure_until", None) or ""),
    }


def _subjects(named: Subjects) -> dict[str, list[str]]:
    return {
        "campaigns": sorted(named.campaigns),
        "tracebacks": sorted(named.tracebacks),
        "calling_numbers": sorted(named.numbers),
    }


def _withheld(material: Material) -> list[dict[str, Any]]:
    return [
        {"what": part.what, "count": part.count, "class": part.of.value, "rule": part.rule.value, "why": part.why}
        for part in material.withheld
    ]
