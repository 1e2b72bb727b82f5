"""The offline verifier: is this package as it was sealed, by whom, and does it agree with itself?

It needs no database, no network and no Django: Python's standard library alone, so that it travels inside each package
(``bundle``) and runs years from now. Rubbish is a failed check, never an exception. What it cannot know it notes: that
a key inside a package proves nothing about who holds it.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from headwater.errors import Invalid
from headwater.evidence import consistency, container, curves, layout, published, redaction, stamp
from headwater.evidence.report import Check, Outcome, Report
from headwater.wire.canonical import canonical_json

_MISSING = "The package has no {name}."


class Opened:
    """A container whose headers are in order, and the files in it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.members = {member.name: member for member in container.read(file)}

    def octets(self, name: str, *, at_most: int = layout.LARGEST_TABLE) -> bytes:
        """Return the whole of one file.

        Raises:
            NotAPackage: it is not there, too long, or cut short.
        """
        member = self.members.get(name)
        if member is None:
            raise container.NotAPackage(_MISSING.format(name=name), member=name)
        return container.octets(self._file, member, at_most=at_most)

    def json(self, name: str) -> Any:
        """Return one file read as JSON.

        Raises:
            NotAPackage: it is not there or is not JSON.
        """
        return parse(self.octets(name), name)

    def digest(self, name: str) -> str:
        """Return the SHA-256 of one file, read in pieces."""
        state = hashlib.sha256()
        for piece in container.chunks(self._file, self.members[name]):
            state.update(piece)
        return state.hexdigest()


def parse(octets: bytes, name: str) -> Any:
    """Read ``octets`` as strict JSON: UTF-8, no member twice, no NaN.

    Raises:
        NotAPackage: they are not.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            message = "a member stands twice"
            raise ValueError(message)
        return found

    def refuse(word: str) -> Any:
        message = f"{word} is no JSON"
        raise ValueError(message)

    try:
        return json.loads(octets.decode(), object_pairs_hook=once, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        message = f"{name} cannot be read as JSON: {error}"
        raise container.NotAPackage(message, member=name) from error


def verify(path: Path, key: bytes | None = None, *, full: Path | None = None) -> Report:
    """Check the package at ``path``; with ``key``, a PEM public key, also that this key sealed it.

    With ``full``, where it is a public version, also that it belongs to the full package there.

    Never raises for what the file or the key holds. An unreadable file is a failed check.
    """
    try:
        with path.open("rb") as file:
            report = _verify(file, key)
            return _linked(report, file, full) if full is not None and report.ok else report
    except OSError as error:
        return Report(checks=(_failed("Container", f"The file cannot be read: {error.strerror}."),))


def _linked(report: Report, file: BinaryIO, full: Path) -> Report:
    """Return the report with the checks that a public version belongs to the full package."""
    found = list(report.checks)
    try:
        with full.open("rb") as other:
            public = Opened(file)
            if layout.REDACTIONS not in public.members:
                raise container.NotAPackage("this is no public version: it is compared with no other package")
            found += [
                Check(group="Full package", outcome=one.outcome, finding=one.text, file=one.file)
                for one in redaction.check_link(public, Opened(other))
            ]
    except container.NotAPackage as error:
        found.append(_failed("Full package", _sentence(error), error.member))
    except OSError as error:
        found.append(_failed("Full package", f"The full package cannot be read: {error.strerror}."))
    return replace(report, checks=tuple(found))


def _verify(file: BinaryIO, key: bytes | None) -> Report:
    try:
        package = Opened(file)
    except container.NotAPackage as error:
        return Report(checks=(_failed("Container", _sentence(error), error.member),))
    checks = [_passed("Container", f"The file is a whole package of {len(package.members)} files.")]
    try:
        octets = package.octets(layout.MANIFEST)
        stamped = package.octets(layout.STAMP, at_most=stamp.LARGEST) if layout.STAMP in package.members else b""
        signed = _check_signature(package, octets + stamped, key)
        checks += signed[1]
        manifest = consistency.manifest(parse(octets, layout.MANIFEST))
    except container.NotAPackage as error:
        checks.append(_failed("Manifest", _sentence(error), error.member))
        return Report(checks=tuple(checks))
    checks += _check_stamp(octets, stamped)
    checks.append(_passed("Manifest", f"The manifest lists {len(manifest.files)} files.", layout.MANIFEST))
    checks += _check_files(package, manifest)
    # A changed table would fail again below under other names: say the cause, not its echoes.
    if all(check.outcome is not Outcome.FAILED for check in checks):
        checks += _check_contents(package, manifest)
    return Report(
        checks=tuple(checks),
        package_id=manifest.package_id,
        process_id=manifest.process_id,
        created=manifest.created,
        key_id=signed[0],
    )


def _check_signature(package: Opened, sealed: bytes, pinned: bytes | None) -> tuple[str, list[Check]]:
    """Return the identifier of the key and the checks about it."""
    name = layout.SIGNATURE
    octets = package.octets(name, at_most=layout.LARGEST_SIGNATURE)
    try:
        public, signature = _read_signature(parse(octets, name), octets)
    except (ValueError, TypeError, KeyError) as error:
        return "", [_failed("Signature", f"The signature file cannot be used: {error}.", name)]
    known = published.key_id(public)
    if not curves.ed25519_holds(public, signature, sealed):
        text = f"The manifest is not what the key {known} signed: manifest or signature was changed."
        return known, [_failed("Signature", text, layout.MANIFEST)]
    signed = _passed("Signature", f"The manifest is signed by the key {known}.", name)
    return known, [signed, _check_pin(public, pinned)]


def _read_signature(fields: Any, octets: bytes) -> tuple[bytes, bytes]:
    """Return the key and the signature; ``ValueError`` where another text could mean the same."""
    if canonical_json(fields) != octets or fields["algorithm"] != "Ed25519":
        message = "it is not written as Headwater writes it"
        raise ValueError(message)
    public, signature = bytes.fromhex(fields["public_key"]), bytes.fromhex(fields["signature"])
    stated = [fields["public_key"], fields["signature"], fields["key_id"]]
    if [public.hex(), signature.hex(), published.key_id(public)] != stated:
        message = "its key and the identifier of its key do not belong together"
        raise ValueError(message)
    return public, signature


def _check_pin(public: bytes, pinned: bytes | None) -> Check:
    known = published.key_id(public)
    if pinned is None:
        text = (
            "No key was given to compare with, so only the key inside the package was used. "
            f"Ask the custodian by another way whether {known} is theirs, or give their key with --key."
        )
        return Check(group="Key", outcome=Outcome.NOTED, finding=text)
    try:
        given = published.from_pem(pinned)
    except Invalid as error:
        return _failed("Key", f"The key that you gave cannot be used: {error}.")
    if given != public:
        return _failed("Key", f"Another key sealed this package: you gave {published.key_id(given)}, it was {known}.")
    return _passed("Key", f"The key that you gave, {known}, sealed this package.")


def _check_stamp(manifest: bytes, stamped: bytes) -> list[Check]:
    """Return the checks about the time stamp over the manifest."""
    name = layout.STAMP
    if not stamped:
        text = "The package carries no time stamp of an authority: when it was sealed is the custodian's own statement."
        return [Check(group="Time stamp", outcome=Outcome.NOTED, finding=text)]
    try:
        found = stamp.read(stamped)
    except (ValueError, IndexError) as error:
        return [_failed("Time stamp", f"The time stamp cannot be used: {error}.", name)]
    if hashlib.new(found.digest, manifest).digest() != found.imprint:
        return [_failed("Time stamp", "The time stamp is not over this manifest.", name)]
    if found.signed is False:
        return [
            _failed("Time stamp", "The time stamp is not signed by the authority whose certificate it holds.", name)
        ]
    at = found.at.isoformat().replace("+00:00", "Z")
    text = f"The manifest existed at {at}, as {found.authority or 'a time-stamp authority'} states."
    judged = "" if found.signed else " The algorithm of its signature is not checked here."
    advice = (
        f"Compare the authority's certificate, SHA-256 {found.certificate_sha256}, or judge its path with its root: "
        f"openssl ts -verify -data {layout.MANIFEST} -in {name} -CAfile ROOT.pem.{judged}"
    )
    return [_passed("Time stamp", text, name), Check(group="Time stamp", outcome=Outcome.NOTED, finding=advice)]


def _check_files(package: Opened, manifest: consistency.Manifest) -> Iterator[Check]:
    listed = {entry.path: entry for entry in manifest.files}
    for name, entry in listed.items():
        member = package.members.get(name)
        if member is None:
            yield _failed("Files", f"{name} is listed in the manifest but missing.", name)
        elif member.size != entry.size:
            yield _failed("Files", f"{name} has {member.size} octets; {entry.size} were sealed.", name)
        elif package.digest(name) != entry.sha256:
            yield _failed("Files", f"{name} was changed: its SHA-256 is not the one that was sealed.", name)
        else:
            yield _passed("Files", f"{name} has the size and SHA-256 that were sealed.", name)
    own = {layout.MANIFEST, layout.SIGNATURE, layout.STAMP}
    for name in package.members.keys() - listed.keys() - own:
        yield _failed("Files", f"{name} is in the package but not in the manifest: it was added.", name)
    # A package is sealed with or without a time stamp; where there is one, it follows the manifest.
    expected = [*listed, layout.MANIFEST, *({layout.STAMP} & set(package.members)), layout.SIGNATURE]
    if set(package.members) == set(expected):
        if list(package.members) == expected:
            yield _passed("Files", "No file was added, removed or moved.")
        else:
            yield _failed("Files", "The files are not in the order in which they were sealed.")


def _check_contents(package: Opened, manifest: consistency.Manifest) -> Iterator[Check]:
    """Run the checks of what the files say; a table that cannot be read is a failed check."""
    public = {"Redaction": redaction.check_redaction, "Papers": consistency.check_papers}
    checks = public if layout.REDACTIONS in package.members else consistency.CHECKS
    for group, check in checks.items():
        try:
            for finding in check(package, manifest):
                yield Check(group=group, outcome=finding.outcome, finding=finding.text, file=finding.file)
        except container.NotAPackage as error:
            yield _failed(group, _sentence(error), error.member)


def _sentence(error: Exception) -> str:
    text = str(error).rstrip(".")
    return text[:1].upper() + text[1:] + "."


def _passed(group: str, finding: str, file: str = "") -> Check:
    return Check(group=group, outcome=Outcome.PASSED, finding=finding, file=file)


def _failed(group: str, finding: str, file: str = "") -> Check:
    return Check(group=group, outcome=Outcome.FAILED, finding=finding, file=file)
