"""``headwater evidence``: check a package anywhere, print the key that seals this installation's packages."""

from pathlib import Path
from typing import Annotated

import typer

from headwater.errors import HeadwaterError
from headwater.evidence.report import lines
from headwater.evidence.verify import verify as verify_package


def register(app: typer.Typer) -> None:
    """Add the subcommand to ``app``."""
    evidence = typer.Typer(no_args_is_help=True, help="Verify a sealed package; show the key that seals packages.")

    @evidence.command()
    def verify(
        file: Annotated[Path, typer.Argument(help="The package, a .zip file.")],
        key: Annotated[Path | None, typer.Option(help="The custodian's public key (PEM) to hold it against.")] = None,
        every: Annotated[bool, typer.Option("--every", help="Print one line for every file.")] = False,
    ) -> None:
        """Check every octet of a package. Needs no database and no network. Exits 0 if nothing is wrong, else 1."""
        try:
            pinned = key.read_bytes() if key else None
        except OSError as error:
            typer.echo(f"The key file {key} cannot be read: {error.strerror}.", err=True)
            raise typer.Exit(2) from error
        report = verify_package(file, pinned)
        for line in lines(report, file, every=every):
            typer.echo(line)
        raise typer.Exit(0 if report.ok else 1)

    @evidence.command()
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

    app.add_typer(evidence, name="evidence")
