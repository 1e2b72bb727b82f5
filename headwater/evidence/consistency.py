"""What a package says must agree with itself: answers with their signatures, tables with what they sum up.

Used by the offline verifier: standard library only. Every value comes from a file that anyone may
have made, so each is checked for its type before it is used, and anything odd is ``NotAPackage``.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from headwater.audit import merkle
from headwater.audit.statement import Checkpoint, parse
from headwater.errors import Invalid
from headwater.evidence import curves, custody, layout, papers, published, signatures, tables
from headwater.evidence.container import Member, NotAPackage
from headwater.evidence.report import Outcome

_HEX = re.compile(r"[0-9a-f]{64}")
#: Columns of the provider path table, in order.
PATH_COLUMNS = (
    "traceback_id", "hop", "provider", "provider_spc", "provider_rmd", "country", "role", "asked_at", "answered_at",
    "took_seconds", "legal_due_at", "state", "answer", "upstream", "upstream_spc", "basis", "signed", "answer_id",
    "question_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """One line of the manifest."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The manifest, checked for its form."""

    package_id: str
    process_id: str
    created: str
    files: tuple[ListedFile, ...]
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check of the contents found."""

    outcome: Outcome
    text: str
    file: str = ""


class Package(Protocol):
    """What the checks read of an opened package."""

    members: dict[str, Member]

    def octets(self, name: str) -> bytes:
        """Return the whole of one file."""

    def json(self, name: str) -> Any:
        """Return one file read as JSON."""

    def digest(self, name: str) -> str:
        """Return the SHA-256 of one file."""


def mapping(value: Any, file: str) -> dict[str, Any]:
    """Return ``value`` where it is a JSON object."""
    if not isinstance(value, dict):
        message = f"{file} is not in the form of a package"
        raise NotAPackage(message, member=file)
    return value


def text(value: dict[str, Any], name: str, file: str) -> str:
    """Return the text member ``name``."""
    found = value.get(name)
    if not isinstance(found, str):
        message = f"{file} has no text called {name}"
        raise NotAPackage(message, member=file)
    return found


def number(value: dict[str, Any], name: str, file: str) -> int:
    """Return the whole-number member ``name``, not negative."""
    found = value.get(name)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        message = f"{file} has no number called {name}"
        raise NotAPackage(message, member=file)
    return found


def rows(value: Any, name: str, file: str) -> list[dict[str, Any]]:
    """Return the member ``name``, a list of objects."""
    found = mapping(value, file).get(name)
    if not isinstance(found, list):
        message = f"{file} has no list called {name}"
        raise NotAPackage(message, member=file)
    return [mapping(row, file) for row in found]


def manifest(value: Any) -> Manifest:
    """Read the manifest.

    Raises:
        NotAPackage: it lacks a member, or is of another format.
    """
    file = layout.MANIFEST
    found = mapping(value, file)
    if found.get("format") != layout.FORMAT:
        message = f"the manifest is of another format than {layout.FORMAT}; use the verifier that came with it"
        raise NotAPackage(message, member=file)
    listed = tuple(
        ListedFile(path=text(row, "path", file), size=number(row, "size", file), sha256=text(row, "sha256", file))
        for row in rows(found, "files", file)
    )
    if len({entry.path for entry in listed}) != len(listed) or not all(_HEX.fullmatch(e.sha256) for e in listed):
        message = "the manifest lists a file twice, or a hash that is none"
        raise NotAPackage(message, member=file)
    return Manifest(
        package_id=text(found, "package_id", file),
        process_id=text(found, "process_id", file),
        created=text(found, "created", file),
        files=listed,
        facts=mapping(found.get("facts"), file),
    )


def check_calls(package: Package, _: Manifest) -> Iterator[Finding]:
    """The octets of each call are those whose hash the record states, and its transcript is the one shown."""
    opened = withheld = heard = 0
    for row in rows(package.json(layout.CALLS), "calls", layout.CALLS):
        record_id = text(row, "record_id", layout.CALLS)
        file = layout.call_json(record_id)
        call = mapping(package.json(file), file)
        raw, stated = layout.call_raw(record_id), text(call, "raw_sha256", file)
        if stated != text(row, "raw_sha256", layout.CALLS):
            yield Finding(outcome=Outcome.FAILED, text=f"{layout.CALLS} and {file} state different hashes.", file=file)
        if raw not in package.members:
            withheld += 1
        elif package.digest(raw) == stated:
            opened += 1
        else:
            sentence = f"{raw} does not have the SHA-256 that the record stated when the call came in."
            yield Finding(outcome=Outcome.FAILED, text=sentence, file=raw)
        if recorded := text(row, "recording", layout.CALLS):
            heard += 1
            if recorded not in package.members or package.digest(recorded) != text(call, "recording_sha256", file):
                sentence = f"{recorded} does not have the SHA-256 that the call's report named."
                yield Finding(outcome=Outcome.FAILED, text=sentence, file=recorded)
        written = text(call, "transcript", file)
        shown = layout.transcript(record_id)
        if written and (shown not in package.members or package.octets(shown).decode("utf-8", "replace") != written):
            sentence = f"{shown} is not the transcript in {file}."
            yield Finding(outcome=Outcome.FAILED, text=sentence, file=shown)
    sentence = f"{opened} call records are here as received, with the hash that was taken when they came in."
    yield Finding(outcome=Outcome.PASSED, text=sentence)
    if heard:
        sentence = f"{heard} recordings are here, held against the hash that each call's report named."
        yield Finding(outcome=Outcome.PASSED, text=sentence)
    if withheld:
        sentence = f"{withheld} call records are here without their raw octets; withheld.json says why."
        yield Finding(outcome=Outcome.NOTED, text=sentence, file="withheld.json")


def check_answers(package: Package, _: Manifest) -> Iterator[Finding]:
    """Each signed answer verifies under the key that its provider registered."""
    file = layout.ANSWERS
    public = signatures.provider_keys(rows(package.json(layout.PROVIDER_KEYS), "keys", layout.PROVIDER_KEYS))
    signed = unsigned = withheld = 0
    for row in rows(package.json(file), "answers", file):
        answer_id, key_id = text(row, "answer_id", file), text(row, "key_id", file)
        deposited = bool(row.get("deposit"))
        name = layout.answer(answer_id, signed=bool(key_id), deposited=deposited)
        if name not in package.members:
            withheld += 1
            continue
        if package.digest(name) != text(row, "octets_sha256", file):
            sentence = f"{name} does not have the SHA-256 that was taken when the answer came in."
            yield Finding(outcome=Outcome.FAILED, text=sentence, file=name)
            continue
        if not key_id:
            unsigned += not deposited
            continue
        judge = signatures.check_deposited if deposited else signatures.check_answer
        problem = judge(package.octets(name), row, public)
        if problem:
            yield Finding(outcome=Outcome.FAILED, text=f"{name}: {problem}.", file=name)
        else:
            signed += 1
    sentence = f"{signed} answers verify under the keys that their providers registered."
    yield Finding(outcome=Outcome.PASSED, text=sentence, file=layout.PROVIDER_KEYS)
    if unsigned:
        sentence = f"{unsigned} answers were given by people in the carrier pages and carry no signature."
        yield Finding(outcome=Outcome.NOTED, text=sentence, file=file)
    if withheld:
        sentence = f"{withheld} answers are here without their octets; withheld.json says why."
        yield Finding(outcome=Outcome.NOTED, text=sentence, file="withheld.json")


def check_signatures(package: Package, _: Manifest) -> Iterator[Finding]:
    """Each Identity header is the one that the call record names, each certificate the one that its name says."""
    file = layout.SIGNATURES
    judged = rows(package.json(file), "signatures", file)
    opened = 0
    for row in judged:
        record_id, token = text(row, "record_id", file), text(row, "token_sha256", file)
        call, name = layout.call_json(record_id), layout.identity(record_id)
        if mapping(package.json(call), call).get("identity_token_sha256") != token:
            sentence = f"{file} judges another token than {call} names."
            yield Finding(outcome=Outcome.FAILED, text=sentence, file=file)
        if name in package.members:
            opened += 1
            first = package.octets(name).decode("utf-8", "replace").partition("\n")[0].partition(";")[0].strip()
            if sha256(first.encode()).hexdigest() != token:
                sentence = f"{name} is not the header whose token was judged."
                yield Finding(outcome=Outcome.FAILED, text=sentence, file=name)
    certificates = [name for name in package.members if name.endswith(".cer")]
    for name in certificates:
        if layout.certificate(package.digest(name)) != name:
            yield Finding(outcome=Outcome.FAILED, text=f"{name} is not the certificate that its name says.", file=name)
    sentence = (
        f"{len(judged)} signed calls were judged; {opened} headers and {len(certificates)} certificates are here."
    )
    yield Finding(outcome=Outcome.PASSED, text=sentence, file=file)


def check_path(package: Package, _: Manifest) -> Iterator[Finding]:
    """The path table is the same in CSV and JSON and says what the answers say."""
    path = rows(package.json(layout.PATH_JSON), "rows", layout.PATH_JSON)
    if tables.csv_octets(PATH_COLUMNS, path) != package.octets(layout.PATH_CSV):
        sentence = f"{layout.PATH_CSV} does not say the same as {layout.PATH_JSON}."
        yield Finding(outcome=Outcome.FAILED, text=sentence, file=layout.PATH_CSV)
    answers = {row.get("answer_id"): row for row in rows(package.json(layout.ANSWERS), "answers", layout.ANSWERS)}
    for row in path:
        answer_id = text(row, "answer_id", layout.PATH_JSON)
        if not answer_id:
            continue
        named = answers.get(answer_id, {})
        said = (named.get("code"), named.get("upstream_spc"), named.get("question_id"))
        if said != (row.get("answer"), row.get("upstream_spc"), row.get("question_id")):
            where = f"hop {row.get('hop')!s:.8} of {row.get('traceback_id')!s:.20}"
            sentence = f"{layout.PATH_JSON} says something else of {where} than the answer {answer_id:.20}."
            yield Finding(outcome=Outcome.FAILED, text=sentence, file=layout.PATH_JSON)
    sentence = f"The provider path table has {len(path)} hops and says what the answers say."
    yield Finding(outcome=Outcome.PASSED, text=sentence, file=layout.PATH_CSV)


def check_tables(package: Package, _: Manifest) -> Iterator[Finding]:
    """Every table says the same in CSV as in JSON."""
    same = 0
    for path, member, csv_path in layout.TABLES:
        here = [name in package.members for name in (path, csv_path)]
        if not any(here):
            continue
        found = package.octets(csv_path) if all(here) else b""
        if all(here) and tables.csv_octets(_columns(found, csv_path), rows(package.json(path), member, path)) == found:
            same += 1
        else:
            sentence = f"{csv_path} does not say the same as {path}."
            yield Finding(outcome=Outcome.FAILED, text=sentence, file=csv_path)
    yield Finding(outcome=Outcome.PASSED, text=f"{same} tables say the same in CSV as in JSON.")


def _columns(octets: bytes, file: str) -> list[str]:
    try:
        return tables.header(octets)
    except ValueError as error:
        message = f"{file} cannot be read as a table: {error}"
        raise NotAPackage(message, member=file) from error


def check_custody(package: Package, _: Manifest) -> Iterator[Finding]:
    """The custody log is unbroken, each entry is what the audit hashed, and each is proven to be in the audit."""
    file = layout.CUSTODY
    entries = custody.read(package.octets(file))
    sentence = f"The custody log is unbroken: {len(entries)} entries, each with the hash that the audit gave it."
    yield Finding(outcome=Outcome.PASSED, text=sentence, file=file)
    signed = _checkpoint(package)
    paths = {
        number(row, "sequence", layout.PROOFS): row.get("path")
        for row in rows(package.json(layout.PROOFS), "proofs", layout.PROOFS)
    }
    for entry in entries:
        if not _proven(signed, entry, paths.get(entry.sequence)):
            sentence = f"Entry {entry.sequence} of the custody log is not proven to be in the audit that was signed."
            yield Finding(outcome=Outcome.FAILED, text=sentence, file=layout.PROOFS)
    sentence = (
        f"Each of the {len(entries)} entries is proven to be one of the {signed.seq} of the audit, whose root was "
        f"signed at {signed.at} by the key {signed.key_id}."
    )
    yield Finding(outcome=Outcome.PASSED, text=sentence, file=layout.CHECKPOINT)
    sentence = f"Compare the audit's key {signed.key_id} with the custodian's by another way than this package."
    yield Finding(outcome=Outcome.NOTED, text=sentence, file=layout.AUDIT_KEY)


def _checkpoint(package: Package) -> Checkpoint:
    """Return the checkpoint that the package holds, its signature checked."""
    file = layout.CHECKPOINT
    try:
        signed = parse(package.octets(file))
        public, signature = published.from_pem(package.octets(layout.AUDIT_KEY)), bytes.fromhex(signed.signature)
    except (ValueError, TypeError, KeyError, RecursionError, Invalid) as error:
        message = f"{file} cannot be used: {error}"
        raise NotAPackage(message, member=file) from error
    if sha256(public).hexdigest() != signed.key_id or not curves.ed25519_holds(public, signature, signed.signed()):
        message = f"{file} is not signed by the key in {layout.AUDIT_KEY}"
        raise NotAPackage(message, member=file)
    return signed


def _proven(signed: Checkpoint, entry: custody.Entry, path: Any) -> bool:
    if not isinstance(path, list) or len(path) > merkle.LONGEST_PATH:
        return False
    if not all(isinstance(step, str) and _HEX.fullmatch(step) for step in path):
        return False
    steps = [bytes.fromhex(step) for step in path]
    found = merkle.root_of_inclusion(entry.sequence - 1, signed.seq, merkle.leaf(entry.hash), steps)
    return found is not None and found.hex() == signed.root


def check_papers(package: Package, _: Manifest) -> Iterator[Finding]:
    """Each paper is signed by the certificate that the package names, and nothing of it follows its signature."""
    file = layout.PAPER_CERTIFICATE
    if file not in package.members:
        return
    known = sha256(published.first_certificate(package.octets(file))).hexdigest()
    for name in (name for name in package.members if name.endswith(".pdf")):
        try:
            found = papers.signatures(package.octets(name))
        except (ValueError, IndexError, RecursionError) as error:
            yield Finding(outcome=Outcome.FAILED, text=f"{name}: {error}.", file=name)
            continue
        if not found or found[0].archive or found[0].certificate_sha256 != known:
            sentence = f"{name} is not signed by the certificate in {file}."
            yield Finding(outcome=Outcome.FAILED, text=sentence, file=name)
            continue
        yield Finding(outcome=Outcome.PASSED, text=_signed(name, found), file=name)
    sentence = (
        f"Compare the certificate of the papers, SHA-256 {known}, with the custodian's by another way. Its path to an "
        "authority and its revocation are not judged here; a PDF reader or pdfsig judges them."
    )
    yield Finding(outcome=Outcome.NOTED, text=sentence, file=file)


def _signed(name: str, found: list[papers.Signature]) -> str:
    first = found[0]
    how = "is signed by" if first.checked else "carries a signature, of an algorithm not checked here, by"
    stamped = f", stamped at {first.stamped.at.isoformat()} by {first.stamped.authority}" if first.stamped else ""
    archived = ", under an archive time stamp" if any(one.archive for one in found[1:]) else ""
    return f"{name} {how} {first.who}{stamped}{archived}; nothing follows it."


def check_facts(package: Package, listed: Manifest) -> Iterator[Finding]:
    """The figures in the manifest are those of the tables."""
    traces = rows(package.json(layout.TRACEBACKS), "tracebacks", layout.TRACEBACKS)
    counted = {
        "calls": len(rows(package.json(layout.CALLS), "calls", layout.CALLS)),
        "hops": len(rows(package.json(layout.PATH_JSON), "rows", layout.PATH_JSON)),
        "tracebacks": len(traces),
    }
    for name, found in counted.items():
        if number(listed.facts, name, layout.MANIFEST) != found:
            sentence = f"The manifest says {listed.facts[name]} {name}; the tables hold {found}."
            yield Finding(outcome=Outcome.FAILED, text=sentence, file=layout.MANIFEST)
    origin = listed.facts.get("origin_spc")
    if origin and origin not in {trace.get("origin_spc") for trace in traces}:
        sentence = "The manifest names an origin that no traceback in the package found."
        yield Finding(outcome=Outcome.FAILED, text=sentence, file=layout.MANIFEST)
    yield Finding(outcome=Outcome.PASSED, text="The figures in the manifest are those of the tables.")


#: The checks of the contents, by the name under which they are reported.
CHECKS: dict[str, Callable[[Package, Manifest], Iterator[Finding]]] = {
    "Calls": check_calls,
    "Answers": check_answers,
    "Signatures": check_signatures,
    "Provider path": check_path,
    "Tables": check_tables,
    "Custody": check_custody,
    "Papers": check_papers,
    "Figures": check_facts,
}
