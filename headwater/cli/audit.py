"""``headwater audit``: check the chain, export it, check an export anywhere."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from headwater import clock
from headwater.audit import checkpoints, proof, verify
from headwater.audit.verify import Outcome, Place, Report, Row
from headwater.errors import HeadwaterError
from headwater.site.setup import django

#: Longest line of an export: an entry of 16 KiB, once as text, once as columns.
MAX_LINE = 262_144
SIGNS = {Outcome.PASSED: "ok  ", Outcome.FAILED: "FAIL", Outcome.NOT_DONE: "--  "}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="The audit: verify it, export it.", no_args_is_help=True)
    commands.command("verify")(verify_command)
    commands.command("export")(export)
    commands.command("prove")(prove)
    commands.command("check-proof")(check_proof)
    app.add_typer(commands, name="audit")


def verify_command(
    file: Annotated[
        Path | None, typer.Option(help="Check this export instead of the database; needs no database.")
    ] = None,
    signed: Annotated[
        Path | None, typer.Option("--checkpoints", help="Checkpoints to check the export against.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Public key (PEM) of the checkpoints.")] = None,
) -> None:
    """Check that the audit is whole, unchanged, in order and complete. Exit 1 where it is not."""
    report = _of_database() if file is None else _of_file(file, signed, key)
    print(f"{report.entries} entries" + (f", {report.first} to {report.last}" if report.entries else ""))
    for check in report.checks:
        print(f"{SIGNS[check.outcome]}  {check.says}")
        for finding in check.findings:
            print(f"      {finding}")
    if not report.sound:
        raise typer.Exit(1)


def export(file: Annotated[Path, typer.Argument(help="File to write: one JSON object a line.")]) -> None:
    """Write the whole audit to a file that can be checked anywhere with `headwater audit verify --file`."""
    django()
    # Imported here: models exist only once Django is set up; verifying a file must work without it.
    from django.db import transaction

    from headwater.accounts.actors import system
    from headwater.audit import actions, queries
    from headwater.audit.tags import Tag

    actor = system("operator")
    with transaction.atomic():
        actions.record(actor, Tag.AUDIT_EXPORTED, "audit", {"file": file.name})
    with queries.snapshot() as (head, rows_after), file.open("x", encoding="utf-8") as out:
        header = {"format": "headwater-audit", "version": 1, "exported_at": verify.instant(clock.now())}
        out.write(_line(header | {"head": asdict(head)}))
        for row in rows_after(0):
            out.write(_line(asdict(row) | {"at": verify.instant(row.at)}))
    print(f"Wrote {head.seq} entries to {file}.")


def prove(
    entry: Annotated[int | None, typer.Option(help="Number of the entry to prove.")] = None,
    since: Annotated[
        Path | None, typer.Option(help="A file of checkpoints that you kept: prove that the log begins with its last.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; else standard output.")] = None,
) -> None:
    """Write a proof that one entry is in the signed log, or that the log begins with what was signed before."""
    django()
    # Imported here: models exist only once Django is set up.
    from headwater.accounts.actors import system
    from headwater.audit import queries

    if (entry is None) == (since is None):
        print("Give either --entry or --since.", file=sys.stderr)
        raise typer.Exit(2)
    try:
        if entry is not None:
            found = queries.proof_of(system("operator"), entry)
        else:
            reading = checkpoints.read_file(since, None) if since else None
            if reading is None or not reading.checkpoints:
                print(f"{since} holds no checkpoint.", file=sys.stderr)
                raise typer.Exit(2)
            found = queries.proof_since(system("operator"), reading.checkpoints[-1])
    except HeadwaterError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    if out is None:
        print(proof.octets(found).decode(), end="")
    else:
        out.write_bytes(proof.octets(found))


def check_proof(
    file: Annotated[Path, typer.Argument(help="The proof.")],
    key: Annotated[Path, typer.Option(help="The audit's public key (PEM), got by another way.")],
) -> None:
    """Check a proof of the audit. Needs no database and no network. Exits 0 if it holds, else 1."""
    try:
        public, found = checkpoints.public_key(key), proof.read(file.read_bytes())
    except (OSError, ValueError) as error:
        print(f"It cannot be checked: {error}", file=sys.stderr)
        raise typer.Exit(2) from error
    faults = proof.check(
        found,
        signed=lambda checkpoint: checkpoints.signature_holds(checkpoint, public),
        entry_hash=lambda previous, seq, text: verify.chain_hash(prev_hash=previous, seq=seq, entry=text),
    )
    for fault in faults:
        print(f"FAIL  {fault}")
    if faults:
        raise typer.Exit(1)
    at, size = found.checkpoint.at, found.checkpoint.seq
    if found.earlier is None:
        print(f"GOOD  Entry {found.sequence} is one of the {size} of the audit as signed at {at}.")
        print(found.entry)
    else:
        print(f"GOOD  The audit of {size} entries, signed at {at}, begins with the {found.earlier.seq} signed before.")


def _of_database() -> Report:
    django()
    # Imported here: models exist only once Django is set up.
    from headwater.accounts.actors import system
    from headwater.audit import queries

    return queries.check(system("operator"))


def _of_file(file: Path, signed: Path | None, key: Path | None) -> Report:
    try:
        public = checkpoints.public_key(key) if key else None
        reading = checkpoints.read_file(signed, public) if signed else None
        with file.open("rb") as source:
            head = _head(source.readline(MAX_LINE))
            return verify.verify(
                _rows(source),
                head=head,
                checkpoints=reading.checkpoints if reading else None,
                checkpoint_faults=reading.faults if reading else (),
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{file} cannot be checked: {error}", file=sys.stderr)
        raise typer.Exit(2) from error


def _head(line: bytes) -> Place:
    header = json.loads(line)
    if header.get("format") != "headwater-audit" or header.get("version") != 1:
        message = "it is no export of a Headwater audit, version 1"
        raise ValueError(message)
    return Place(int(header["head"]["seq"]), str(header["head"]["hash"]))


def _rows(source: Any) -> Iterator[Row]:
    for number, line in enumerate(iter(lambda: source.readline(MAX_LINE), b""), start=2):
        if not line.endswith(b"\n"):
            message = f"line {number} is cut short or longer than {MAX_LINE} octets"
            raise ValueError(message)
        body = json.loads(line)
        yield Row(**(body | {"at": datetime.fromisoformat(body["at"])}))


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) + "\n"
