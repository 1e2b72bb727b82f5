"""Checks of a public version: does it list all that the full package held, and does it belong to it. Standard library.

See ``public`` for what makes one.
"""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from headwater.evidence import curves, layout, published
from headwater.evidence.consistency import Finding, Manifest, Package, mapping, number, rows, text
from headwater.evidence.container import NotAPackage
from headwater.evidence.report import Outcome

#: Files that only the public version has.
_OWN = {"README.txt", layout.REDACTIONS}


def check_redaction(package: Package, manifest: Manifest) -> Iterator[Finding]:
    """Every file here is one that the list of the full package knows, and what is said to be kept is."""
    file = layout.REDACTIONS
    listed = {text(row, "path", file): row for row in rows(package.json(file), "files", file)}
    here = {entry.path: entry for entry in manifest.files}
    wrong = [path for path in here if path not in _OWN and _stated(listed, path) not in {"kept", "redacted"}]
    wrong += [path for path in listed if path not in _OWN and (path in here) == (_stated(listed, path) == "left out")]
    wrong += [
        path for path, row in listed.items()
        if _stated(listed, path) == "kept" and path in here and row.get("sha256") != here[path].sha256
    ]  # fmt: skip
    for path in dict.fromkeys(wrong):
        sentence = f"{path} is not what {file} says of it."
        yield Finding(outcome=Outcome.FAILED, text=sentence, file=path)
    kinds = [row.get("is") for row in listed.values()]
    full = mapping(mapping(package.json(file), file).get("full"), file)
    sentence = (
        f"This is the public version of package {text(full, 'package_id', file)}, whose manifest has the SHA-256 "
        f"{text(full, 'manifest_sha256', file)}: {kinds.count('kept')} of its files are kept, "
        f"{kinds.count('redacted')} redacted, {kinds.count('left out')} left out, each with its class and rule."
    )
    yield Finding(outcome=Outcome.PASSED, text=sentence, file=file)


def check_link(package: Package, full: Package) -> Iterator[Finding]:
    """The public version belongs to the very package ``full``: its manifest, its seal, its files."""
    file = layout.REDACTIONS
    stated = mapping(mapping(package.json(file), file).get("full"), file)
    octets = full.octets(layout.MANIFEST)
    if sha256(octets).hexdigest() != text(stated, "manifest_sha256", file):
        sentence = "The full package that you gave is another than the one that this is the public version of."
        yield Finding(outcome=Outcome.FAILED, text=sentence, file=file)
        return
    if not _sealed_by_one(package, full, octets):
        sentence = "The full package that you gave is not sealed by the key that sealed this public version."
        yield Finding(outcome=Outcome.FAILED, text=sentence, file=layout.SIGNATURE)
        return
    there = {row["path"]: row for row in rows(json.loads(octets), "files", layout.MANIFEST)}
    for row in rows(package.json(file), "files", file):
        path = text(row, "path", file)
        known = there.pop(path, {})
        same = known.get("size") == number(row, "size", file) and row.get("sha256", known.get("sha256")) == known.get(
            "sha256"
        )
        if not same:
            yield Finding(outcome=Outcome.FAILED, text=f"{path} is another in the full package.", file=path)
    for path in there:
        sentence = f"{path} is in the full package, and {file} does not list it."
        yield Finding(outcome=Outcome.FAILED, text=sentence, file=path)
    sentence = "It belongs to the full package that you gave: same key, same manifest, every kept file the same."
    yield Finding(outcome=Outcome.PASSED, text=sentence, file=file)


def _stated(listed: dict[str, dict[str, Any]], path: str) -> str:
    found = listed.get(path, {}).get("is")
    return found if isinstance(found, str) else ""


def _sealed_by_one(package: Package, full: Package, manifest: bytes) -> bool:
    here, there = (mapping(one.json(layout.SIGNATURE), layout.SIGNATURE) for one in (package, full))
    stamp = full.octets(layout.STAMP) if layout.STAMP in full.members else b""
    try:
        public, signature = bytes.fromhex(here["public_key"]), bytes.fromhex(there["signature"])
    except (KeyError, TypeError, ValueError) as error:
        message = f"the signature file cannot be used: {error}"
        raise NotAPackage(message, member=layout.SIGNATURE) from error
    if published.key_id(public) != there.get("key_id"):
        return False
    return curves.ed25519_holds(public, signature, manifest + stamp)
