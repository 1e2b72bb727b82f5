"""``headwater registries``: load the public registries of carriers and numbers, and look into them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from headwater.accounts.actors import system
from headwater.providers.registries.entries import Registry
from headwater.site.setup import django

if TYPE_CHECKING:
    from headwater.providers.registries.queries import EntryView, Found, LoadView

AS_OF = Annotated[str, typer.Option("--as-of", help="When the registry said so: a day, or a moment with its zone.")]
AT = Annotated[str, typer.Option("--at", help="As of which day or moment; empty: now.")]


def register(app: typer.Typer) -> None:
    """Add ``registries`` to the command line."""
    group = typer.Typer(help="Public registries of carriers and numbers, with their history.", no_args_is_help=True)
    group.command("load")(load)
    group.command("show")(show)
    group.command("lookup")(lookup)
    app.add_typer(group, name="registries")


def load(  # noqa: PLR0917 - typer passes options by name
    registry: Annotated[Registry, typer.Argument(help="Which registry the file is of.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The registry's export.")],
    as_of: AS_OF,
    part: Annotated[str, typer.Option("--list", help="For dno: whose list it is.")] = "",
    signer: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="For ca-list: the STI-PA's certificate, PEM.")
    ] = None,
    accept_fewer: Annotated[bool, typer.Option("--accept-fewer", help="Take it though it is much smaller.")] = False,
) -> None:
    """Load a registry. All of FILE is taken or nothing; who was listed before stays on record with its days.

    A file with more than a fifth fewer entries than the last one, or many rows that cannot be read, is refused.
    """
    django()
    from django.conf import settings

    from headwater.providers.registries import actions, index

    new = actions.NewLoad(
        registry=registry,
        as_of=actions.moment(as_of),
        part=part,
        accept_fewer=accept_fewer,
        signer=signer.read_bytes()[:65_536] if signer else b"",
    )
    with Console(stderr=True).status(f"Loading {new.name} from {file.name} ..."):
        done = actions.load(system("operator"), new, file)
    _print_load(done)
    if done.faults:
        print(f"  {done.faults:,} rows could not be read and were left out; the first: {done.first_fault}")
    if registry in {Registry.BLOCKS, Registry.DNO}:
        print(f"  index of numbers written: {index.write(settings.HEADWATER.home)}")
    if registry is Registry.CA_LIST:
        print(f"  trust list written: {index.write_trust(settings.HEADWATER.home)}")


def show() -> None:
    """List the registries: as of when each is loaded, and what was refused since."""
    django()
    from headwater.providers.registries import queries

    for view in queries.registries(system("operator")):
        if view.last is None:
            print(f"{view.registry:<12} not loaded")
        else:
            _print_load(view.last)
        if view.refused is not None:
            print(f"{'':<12} refused {view.refused.loaded_at:%Y-%m-%d %H:%MZ}: {view.refused.reason}")


def lookup(
    what: Annotated[str, typer.Argument(help="A number, FRN, OCN, RMD number, filer id, or part of a name.")],
    at: AT = "",
) -> None:
    """Show what the registries say of one thing, and what they said before."""
    django()
    from headwater import clock
    from headwater.providers.registries import actions, queries

    moment = actions.moment(at) if at else clock.now()
    found = queries.lookup(system("operator"), what, moment)
    _print_found(found)
    if not found.listed and not found.history:
        print("no registry that is loaded lists it", file=sys.stderr)
        raise typer.Exit(1)


def _print_load(view: "LoadView") -> None:
    counts = f"{view.entries:,} entries: {view.added:,} new, {view.changed:,} changed, {view.removed:,} gone"
    print(f"{view.registry:<12} as of {view.as_of:%Y-%m-%d %H:%MZ}  {counts}  ({view.file_name})")


def _print_found(found: "Found") -> None:
    print(f"{found.what} {found.asked}, as of {found.at:%Y-%m-%d %H:%MZ}")
    if found.standing is not None:
        one = found.standing
        told = {True: "yes", False: "no", None: "cannot be told: the blocks of its area code are not loaded"}
        print(f"  assigned to   {one.ocn or 'unknown'}")
        print(f"  valid         {'yes' if one.possible else 'no'}")
        print(f"  unallocated   {told[one.unallocated]}")
        print(f"  may not call  {', '.join(one.dno) or 'nothing says so'}")
    for title, entries in (("listed", found.listed), ("at other times", found.history)):
        for entry in entries:
            _print_entry(title, entry)


def _print_entry(title: str, entry: "EntryView") -> None:
    until = f"to {entry.valid_to:%Y-%m-%d}" if entry.valid_to else "and still"
    codes = " ".join(f"{name} {value}" for name, value in (("FRN", entry.frn), ("OCN", entry.ocn)) if value)
    print(f"  {title}: {entry.registry} {entry.key}  {entry.name}  {codes}  from {entry.valid_from:%Y-%m-%d} {until}")
    for name, value in entry.detail.items():
        if name != "pem":
            print(f"      {name}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
