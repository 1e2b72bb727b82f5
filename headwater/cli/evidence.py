"""``headwater evidence``: check a package anywhere, print the key that seals this installation's packages."""

import os
from pathlib import Path
from typing import Annotated

import typer

from headwater import clock
from headwater.errors import HeadwaterError
from headwater.evidence import addendum
from headwater.evidence.report import lines
from headwater.evidence.verify import verify as verify_package
from headwater.site.setup import django


def register(app: typer.Typer) -> None:
    """Add the subcommand to ``app``."""
    evidence = typer.Typer(no_args_is_help=True, help="Verify a sealed package; show the keys that seal packages.")
    evidence.command()(verify)
    evidence.command()(key)
    evidence.command()(public)
    evidence.command("paper-certificate")(paper_certificate)
    app.add_typer(evidence, name="evidence")


def verify(
    file: Annotated[Path, typer.Argument(help="The package, a .zip file, or an addendum to one, a .json file.")],
    key: Annotated[Path | None, typer.Option(help="The custodian's public key (PEM) to hold it against.")] = None,
    full: Annotated[
        Path | None, typer.Option(help="Of a public version: the full package that it was made from.")
    ] = None,
    every: Annotated[bool, typer.Option("--every", help="Print one line for every file.")] = False,
) -> None:
    """Check every octet of a package. Needs no database and no network. Exits 0 if nothing is wrong, else 1."""
    try:
        pinned = key.read_bytes() if key else None
    except OSError as error:
        typer.echo(f"The key file {key} cannot be read: {error.strerror}.", err=True)
        raise typer.Exit(2) from error
    _verify_addendum(file, pinned)
    report = verify_package(file, pinned, full=full)
    for line in lines(report, file, every=every):
        typer.echo(line)
    raise typer.Exit(0 if report.ok else 1)


def _verify_addendum(file: Path, pinned: bytes | None) -> None:
    """Check the file where it is an addendum and end; return where it is none, or cannot be opened."""
    try:
        with file.open("rb") as opened:
            octets = opened.read(addendum.LARGEST + 1)
    except OSError:
        return
    if not addendum.looks_like_one(octets):
        return
    try:
        found = addendum.check(octets, pinned)
    except HeadwaterError as error:
        typer.echo(f"NOT AS SIGNED: {error}.")
        raise typer.Exit(1) from error
    for line in addendum.lines(found):
        typer.echo(line)
    raise typer.Exit(0)


def key() -> None:
    """Print the public key that seals this installation's packages, for publication."""
    # Imported here: verifying must work where nothing is set up.
    from headwater.evidence import keys
    from headwater.site.config import load

    try:
        public = keys.load(load().secrets).public_key()
    except HeadwaterError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(keys.pem(public).decode(), nl=False)
    typer.echo(f"key id {keys.key_id(public)}", err=True)


def public(
    package: Annotated[str, typer.Argument(help="Number of a sealed package: EP-...")],
    out: Annotated[Path, typer.Argument(help="File to write; it must not exist.")],
) -> None:
    """Write the public version of a sealed package: no called numbers, words or sound; it names the full one."""
    django()
    # Imported here: models exist only once Django is set up.
    from headwater.accounts.actors import system
    from headwater.evidence import actions

    draft = out.with_name(f".{out.name}.new")
    try:
        with draft.open("xb") as file:
            made = actions.make_public(system("operator"), package, file)
        os.link(draft, out)
    except (HeadwaterError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    finally:
        draft.unlink(missing_ok=True)
    typer.echo(
        f"Wrote {out}: of the files of {made.package_id}, {made.kept} are kept, {made.redacted} redacted, "
        f"{made.left_out} left out; redactions.json in it names each with its class and rule."
    )


def paper_certificate() -> None:
    """Print the certificate that signs this installation's papers (PAdES), for publication."""
    # Imported here: verifying must work where nothing is set up.
    from headwater.evidence import paper_seal
    from headwater.site.config import load

    try:
        key = paper_seal.load(load().secrets)
    except HeadwaterError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    seal = paper_seal.PaperSeal(key=key, at=clock.now())
    typer.echo(seal.certificates.decode(), nl=False)
    typer.echo(f"SHA-256 {key.certificate_sha256}", err=True)
