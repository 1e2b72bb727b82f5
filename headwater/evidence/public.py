"""Makes the public version of a sealed package: for filing in the open and for the press, linked to the full one.

What it keeps is octet for octet as it was sealed, or is said to be redacted; what it leaves out is listed with class
and rule. The hash of a file that holds a called number is not repeated: few digits are unknown, so that a hash gives
them away to whoever tries. What links both is the SHA-256 of the full package's manifest, which is made of all of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from textwrap import fill
from typing import Any, BinaryIO, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater.errors import Conflict, Invalid
from headwater.evidence import container, layout, tables
from headwater.evidence.build import NOTICE_COLUMNS, signature_file
from headwater.evidence.disclosure import RULE_WORDS, DisclosureClass, Rule
from headwater.evidence.material import instant
from headwater.evidence.verify import Opened, verify

#: Files that hold nothing that is withheld from the public: masked numbers, providers, papers, the verifier.
_KEPT = frozenset(
    {
        "call-path.json", "call-path.pdf", "calls/members.csv", "campaigns.csv", "campaigns.json",
        "certifications-902.pdf", "cover.pdf",
        "declaration-draft.pdf", "figures.csv", "figures.json", "limits.json",
        "relief-numbers.csv", "relief.csv", "relief.json", "timeline.csv", "timeline.json", "traceback-table.csv",
        "call-path-edges.csv", "call-path-nodes.csv", "calls/members.json", "told.csv",
        "answers/provider-keys.csv", "traceback-table.json", "withheld.csv", "withheld.json",
        layout.AUDIT_KEY, layout.CHECKPOINT, layout.PAPER_CERTIFICATE, layout.PATH_CSV, layout.PATH_JSON,
        layout.PROVIDER_KEYS, layout.PUBLIC_KEY, layout.VERIFIER,
    }
)  # fmt: skip
_README = """\
PUBLIC VERSION OF HEADWATER EVIDENCE PACKAGE {package}

Made {made} from the package that was sealed {sealed}. It leaves out what rule W8 says:
{rule}

redactions.json lists every file of the full package: kept as sealed, redacted, or left out, with its
disclosure class and the rule. Kept files have the very octets of the full package.

HOW TO CHECK IT
  python3 verify.pyz THIS.zip --key CUSTODIAN.pem
  Who holds the full package, a court or the other side, checks that both belong together:
  python3 verify.pyz THIS.zip --key CUSTODIAN.pem --full FULL.zip
  The full package's manifest has the SHA-256
  {manifest}
"""


class Disclosable(Protocol):
    """What of a process says whether it may be told."""

    id: str
    sealed: bool
    nondisclosure_until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was made."""

    package_id: str
    kept: int
    redacted: int
    left_out: int


def redact(full: Path, out: BinaryIO, key: Ed25519PrivateKey, *, now: datetime, today: date) -> Made:
    """Write the public version of ``full`` to ``out``, sealed with ``key``; the same input gives the same octets.

    Raises:
        Invalid: ``full`` is no whole package of this custodian, or a public version itself.
        Conflict: its process is under seal, or must not be disclosed yet.
    """
    report = verify(full)
    if not report.ok:
        message = f"{full.name} is no package as it was sealed: {report.failures[0].finding}"
        raise Invalid(message)
    with full.open("rb") as file:
        package = Opened(file)
        manifest = package.json(layout.MANIFEST)
        _check(package, manifest, today)
        files = list(_files(package, manifest))
        redactions = _redactions(package, manifest, files)
        _write(out, files, redactions, _Seal(manifest=manifest, key=key, now=now))
    kinds = [entry["is"] for entry in redactions["files"]]
    return Made(
        package_id=manifest["package_id"],
        kept=kinds.count("kept"),
        redacted=kinds.count("redacted"),
        left_out=kinds.count("left out"),
    )


def check_disclosure(process: Disclosable, *, today: date) -> None:
    """Refuse what must not be told of a process as it stands now.

    Raises:
        Conflict: it is under seal, or must not be disclosed yet.
    """
    if process.sealed or (process.nondisclosure_until and process.nondisclosure_until >= today):
        until = "" if process.sealed else f" until {process.nondisclosure_until}"
        raise Conflict(f"Process {process.id} must not be disclosed{until}: no public version of its package is made.")


def _check(package: Opened, manifest: Any, today: date) -> None:
    if layout.REDACTIONS in package.members:
        message = f"Package {manifest['package_id']} is a public version already."
        raise Invalid(message)
    process = package.json("process.json")
    until = process.get("nondisclosure_until", "")
    if process.get("sealed") or (until and until >= today.isoformat()):
        words = "under seal" if process.get("sealed") else f"not to be disclosed until {until}"
        message = f"Process {manifest['process_id']} is {words}: no public version of its package is made."
        raise Conflict(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    path: str
    octets: bytes
    sealed: bytes | None
    """As in the full package, where it was redacted."""


def _files(package: Opened, manifest: Any) -> Iterator[_File]:
    for entry in manifest["files"]:
        path = entry["path"]
        if path in _KEPT or (path.startswith("providers/") and path.endswith(".json")):
            yield _File(path=path, octets=package.octets(path), sealed=None)
        elif path in _REDACTED:
            yield _File(path=path, octets=_REDACTED[path](package), sealed=package.octets(path))


def _tracebacks(package: Opened) -> bytes:
    """Return the tracebacks with their called numbers masked."""
    rows = package.json(layout.TRACEBACKS)["tracebacks"]
    return tables.json_octets({"tracebacks": [{**trace, "called": trace["called_masked"]} for trace in rows]})


def _notices(package: Opened) -> list[dict[str, Any]]:
    """Return the notices without the names of those who saw them: what they are, a person or a machine, stays."""
    rows = package.json("notices.json")["notices"]
    return [{**notice, "seen_by": notice["seen_by"].partition(":")[0]} for notice in rows]


#: Files of which something is left out, and what makes them.
_REDACTED: dict[str, Callable[[Opened], bytes]] = {
    layout.TRACEBACKS: _tracebacks,
    "notices.json": lambda package: tables.json_octets({"notices": _notices(package)}),
    "notices.csv": lambda package: tables.csv_octets(NOTICE_COLUMNS, _notices(package)),
}


def _redactions(package: Opened, manifest: Any, files: list[_File]) -> dict[str, Any]:
    """Return the list of every file of the full package and what became of it."""
    here = {file.path: file for file in files}
    listed = []
    for entry in manifest["files"]:
        path, size = entry["path"], entry["size"]
        file = here.get(path)
        if file is None:
            of = _class_of(path)
            listed.append({"path": path, "size": size, "is": "left out", "class": of.value, "rule": Rule.PUBLIC.value})
        elif file.sealed is None or file.sealed == file.octets:
            listed.append({"path": path, "size": size, "is": "kept", "sha256": entry["sha256"]})
        else:
            of = _class_of(path)
            listed.append({"path": path, "size": size, "is": "redacted", "class": of.value, "rule": Rule.PUBLIC.value})
    octets = package.octets(layout.MANIFEST)
    return {
        "files": listed,
        "full": {
            "package_id": manifest["package_id"],
            "manifest_sha256": sha256(octets).hexdigest(),
            "sealed": manifest["created"],
            "signature": package.json(layout.SIGNATURE),
        },
        "rules": {Rule.PUBLIC.value: RULE_WORDS[Rule.PUBLIC]},
    }


_OF_THE_PROCESS = {
    "process.json", "notices.csv", "notices.json", "relief-notices.csv", "relief-notices.json", "relief-deliveries.csv",
    layout.CUSTODY, layout.PROOFS, "README.txt",
}  # fmt: skip


def _class_of(path: str) -> DisclosureClass:
    if path in _OF_THE_PROCESS or path.startswith("notices/"):
        return DisclosureClass.PROCESS
    return DisclosureClass.CALLED_NUMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seal:
    manifest: Any
    """Of the full package."""
    key: Ed25519PrivateKey
    now: datetime


def _write(out: BinaryIO, files: list[_File], redactions: dict[str, Any], seal: _Seal) -> None:
    manifest, made = seal.manifest, instant(seal.now)
    readme = _README.format(
        package=manifest["package_id"],
        made=made,
        sealed=manifest["created"],
        rule=fill(RULE_WORDS[Rule.PUBLIC], 96),
        manifest=redactions["full"]["manifest_sha256"],
    )
    writer = container.Writer(out)
    listed = []
    own = [("README.txt", readme.encode()), (layout.REDACTIONS, tables.json_octets(redactions))]
    for path, octets in [*own, *((file.path, file.octets) for file in files)]:
        writer.add(path, octets)
        listed.append({"path": path, "sha256": sha256(octets).hexdigest(), "size": len(octets)})
    body = {name: manifest[name] for name in ("format", "package_id", "process_id", "software")}
    octets = tables.json_octets({**body, "created": made, "facts": {}, "files": listed})
    writer.add(layout.MANIFEST, octets)
    writer.add(layout.SIGNATURE, signature_file(octets, seal.key))
    writer.close()
