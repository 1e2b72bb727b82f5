"""``headwater signers``: who signed, which hosts certificates may come from, certificates brought by hand."""

import csv
from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.table import Table

from headwater import clock
from headwater.errors import HeadwaterError
from headwater.site.setup import django

_LARGEST_DIRECTORY = 64 * 1024 * 1024


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="Who signed the calls: list, review hosts, bring certificates.", no_args_is_help=True)
    commands.command("list")(list_signers)
    commands.command("show")(show)
    commands.command("certificates")(certificates)
    commands.command("hosts")(hosts)
    commands.command("allow")(allow)
    commands.command("refuse")(refuse)
    commands.command("allow-directory")(allow_directory)
    commands.command("bring")(bring)
    app.add_typer(commands, name="signers")


def _django() -> None:
    django()


def _fail(error: HeadwaterError) -> NoReturn:
    typer.echo(str(error), err=True)
    raise typer.Exit(1) from error


def _print(table: Table) -> None:
    # Into a pipe nothing is cut: a program reads it.
    console = Console()
    (console if console.is_terminal else Console(width=240)).print(table)


def list_signers() -> None:
    """List the signers of the last two days with their attestations."""
    _django()
    from headwater.accounts.actors import system  # here: models exist only once Django is set up
    from headwater.signers import queries

    table = Table("signer", "name", "calls", "A", "B", "C", "not valid", "worth a look")
    for row in queries.signers(system("operator"), now=clock.now()):
        counts = [str(row.by_attestation[letter]) for letter in "ABC"]
        table.add_row(row.spc or "not known", row.name, str(row.tokens), *counts, str(row.not_valid), str(row.flagged))
    _print(table)


def show(code: Annotated[str, typer.Argument(help="Provider code of the signer; - for those not known.")]) -> None:
    """Show one signer: why some of its signatures do not hold, what is worth a look, its latest calls. Audited."""
    _django()
    from headwater.accounts.actors import system  # here: models exist only once Django is set up
    from headwater.signers import queries

    try:
        view = queries.signer(system("operator"), "" if code == "-" else code, now=clock.now())
    except HeadwaterError as error:
        _fail(error)
    row, console = view.row, Console()
    console.print(f"{row.spc or 'not known'} {row.name}: {row.tokens} calls in {queries.SERIES_HOURS} hours, ", end="")
    console.print(", ".join(f"{row.by_attestation[letter]} {letter}" for letter in "ABC"), end="")
    console.print(f", {row.not_valid} not valid, {row.flagged} worth a look")
    odd = Table("what, 30 days", "calls")
    for kind, count in view.flags:
        odd.add_row(kind.label, str(count))
    for reason, count in view.reasons:
        odd.add_row(f"not valid: {reason}", str(count))
    for flag in view.patterns:
        odd.add_row(f"{flag.kind.label}: {flag.detail}", str(len(flag.evidence)))
    latest = Table("call record", "received", "calling", "attestation", "verdict", "worth a look")
    for one in view.latest:
        flags = "; ".join(flag.kind.label for flag in one.flags)
        received = f"{one.seen_at:%Y-%m-%d %H:%M:%SZ}"
        latest.add_row(str(one.record_id), received, one.orig, one.attest, one.reason or one.result, flags)
    console.print(odd, latest)


def certificates(
    code: Annotated[str, typer.Argument(help="Provider code; without it the latest of all.")] = "",
    octets: Annotated[str, typer.Option(help="SHA-256 of one: write its octets (DER) to standard output.")] = "",
) -> None:
    """List archived certificates, the last seen first, or hand out one as it was seen."""
    _django()
    from headwater.accounts.actors import system  # here: models exist only once Django is set up
    from headwater.signers import queries

    try:
        if octets:
            typer.get_binary_stream("stdout").write(queries.certificate(system("operator"), octets)[1])
            return
        found = queries.certificates(system("operator"), spc=code)
    except HeadwaterError as error:
        _fail(error)
    table = Table("SHA-256", "subject", "issuer", "code", "valid to", "last seen", "revoked", "address")
    for row in found:
        ends, seen = f"{row.not_after:%Y-%m-%d}", f"{row.last_seen_at:%Y-%m-%d}"
        revoked = f"{row.revoked_at:%Y-%m-%d}" if row.revoked_at else ""
        table.add_row(row.sha256, row.subject, row.issuer, row.spc, ends, seen, revoked, " ".join(row.addresses))
    Console().print(table)


def hosts(
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that wait for review.")] = False,
) -> None:
    """List the hosts that certificates lie on."""
    _django()
    from headwater.accounts.actors import system  # here: models exist only once Django is set up
    from headwater.signers import queries
    from headwater.signers.values import HostState

    table = Table("host", "state", "calls", "an address", "why")
    for row in queries.hosts(system("operator"), state=HostState.WAITING if waiting else None):
        table.add_row(row.host, row.state.label, str(row.asked_for), row.sample, row.reason)
    _print(table)


def allow(
    host: Annotated[str, typer.Argument(help="Host name, as in the address of a certificate.")],
    reason: Annotated[str, typer.Option(help="Why it may be asked.")],
) -> None:
    """Let certificates be fetched from a host; what was signed from there is judged again."""
    _decide(host, reason, allowed=True)


def refuse(
    host: Annotated[str, typer.Argument(help="Host name, as in the address of a certificate.")],
    reason: Annotated[str, typer.Option(help="Why it may not.")],
) -> None:
    """Never fetch certificates from a host."""
    _decide(host, reason, allowed=False)


def _decide(host: str, reason: str, *, allowed: bool) -> None:
    _django()
    from headwater.accounts.actors import system  # here: models exist only once Django is set up
    from headwater.signers import actions

    try:
        actions.decide_host(system("operator"), host, allow=allowed, reason=reason)
    except HeadwaterError as error:
        _fail(error)
    typer.echo(f"{host} is {'allowed' if allowed else 'refused'}.")


def allow_directory(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with a column of certificate addresses (named Cert, x5u or url), or one address a line."
        ),
    ],
    reason: Annotated[str, typer.Option(help="Which directory it is, of which day.")],
) -> None:
    """Allow every host of a directory of certificate addresses that is not decided yet."""
    _django()
    from headwater.accounts.actors import system  # here: models exist only once Django is set up
    from headwater.signers import actions

    try:
        found = _hosts_of(file)
        allowed, unfit = actions.allow_hosts(system("operator"), found, reason=reason)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        typer.echo(f"{file} cannot be read: {error}", err=True)
        raise typer.Exit(1) from error
    except HeadwaterError as error:
        _fail(error)
    typer.echo(f"{len(found)} hosts in {file.name}: {allowed} allowed, {unfit} cannot hold certificates by the rules.")


def _hosts_of(file: Path) -> set[str]:
    if file.stat().st_size > _LARGEST_DIRECTORY:
        message = f"it has more than {_LARGEST_DIRECTORY} octets"
        raise OSError(message)
    rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    named = [name.strip().lower() for name in rows[0]] if rows else []
    column = next((place for place, name in enumerate(named) if name in {"cert", "x5u", "url"}), None)
    cells = [row[column] for row in rows[1:] if len(row) > column] if column is not None else [r[0] for r in rows if r]
    return {host for cell in cells if (host := _host(cell))}


def _host(address: str) -> str:
    try:
        return (urlsplit(address.strip()).hostname or "").lower()
    except ValueError:
        return ""


def bring(
    file: Annotated[Path, typer.Argument(help="The chain, leaf first, in PEM.")],
    x5u: Annotated[str, typer.Option(help="The address that the tokens name.")],
) -> None:
    """Archive a certificate chain for an address; what was signed from there is judged again."""
    _django()
    from headwater.accounts.actors import system  # here: models exist only once Django is set up
    from headwater.signers import actions

    try:
        digests = actions.bring_certificates(system("operator"), file.read_bytes(), x5u=x5u)
    except OSError as error:
        typer.echo(f"{file} cannot be read: {error}", err=True)
        raise typer.Exit(1) from error
    except HeadwaterError as error:
        _fail(error)
    typer.echo(f"Archived {len(digests)} certificates for {x5u}; leaf {digests[0]}.")
