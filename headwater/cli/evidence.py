"""``headwater evidence``: check a package anywhere, print the key that seals this installation's packages."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from headwater.errors import HeadwaterError
from headwater.evidence.report import Check, Outcome, Report
from headwater.evidence.verify import verify as verify_package

_SIGNS = {Outcome.PASSED: "ok  ", Outcome.FAILED: "FAIL", Outcome.NOTED: "note"}
#: A group with more passed checks than this is told by its number, unless all are asked for.
_MOST_LINES = 12


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


def lines(report: Report, file: Path, *, every: bool) -> list[str]:
    """Return the report in plain words: every check, the passed ones of a long group as one line."""
    shown = []
    if report.package_id:
        shown.append(f"Package {report.package_id}, process {report.process_id}, sealed {report.created}")
    passed = Counter(check.group for check in report.checks if check.outcome is Outcome.PASSED)
    told: set[str] = set()
    for check in report.checks:
        folded = check.outcome is Outcome.PASSED and check.file and passed[check.group] > _MOST_LINES and not every
        if not folded:
            shown.append(_line(check))
        elif check.group not in told:
            told.add(check.group)
            number = sum(c.group == check.group and c.outcome is Outcome.PASSED and bool(c.file) for c in report.checks)
            shown.append(f"ok    {check.group}: {number} files have the size and SHA-256 that were sealed.")
    if report.ok:
        shown.append(f"GOOD  {file}: no octet differs from what was sealed, and the package agrees with itself.")
    else:
        named = sorted({check.file for check in report.failures if check.file})
        count = "1 check" if len(report.failures) == 1 else f"{len(report.failures)} checks"
        where = f" Changed or missing: {', '.join(named[:10])}." if named else ""
        shown.append(f"BAD   {file}: {count} failed.{where} Do not rely on it.")
    return shown


def _line(check: Check) -> str:
    return f"{_SIGNS[check.outcome]}  {check.group}: {check.finding}"
