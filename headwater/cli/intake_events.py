"""``headwater intake events``: files of complaints, blocking apps and vendors through the feed door, by a mapping."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from headwater.errors import Invalid
from headwater.intake.events import deliver, items, mapping
from headwater.intake.events.apply import Mapper, NotMapped
from headwater.intake.events.items import Item
from headwater.intake.events.mapping import Mapping

AUTO: Final = "auto"
HEAD_OCTETS: Final = 65_536

FILE = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What the source gave, plain or gzipped.")]
FORMAT = Annotated[str, typer.Option("--format", help="Name of the mapping, or auto: the file shows it.")]
WITH = Annotated[
    list[str] | None,
    typer.Option("--with", help="NAME=VALUE that came beside the file: number=+12155550100, observed_at=2026-11-24."),
]


def add_to(group: typer.Typer) -> None:
    """Add the commands to ``headwater intake``."""
    group.command("events")(events)
    group.command("preview")(preview)
    group.command("formats")(formats)


def events(  # noqa: PLR0917 - typer passes options by name
    file: FILE,
    token_file: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="File with the token of the source's feed credential.")
    ],
    name: FORMAT = AUTO,
    to: Annotated[str, typer.Option(help="Address of the feed door; empty: this machine's.")] = "",
    given: WITH = None,
    rejects: Annotated[Path | None, typer.Option(help="Where refused records go; empty: FILE.rejects.ndjson.")] = None,
) -> None:
    """Send the records of FILE through the feed door, as the source whose token it is.

    What cannot be read, or is refused, is written to the file of rejects with its place and reason; the rest goes in.
    Sending FILE again changes nothing, so that a run that broke off is simply started again.
    """
    send(file, _mapping(file, name), token_file=token_file, to=to, given=given, rejects=rejects)


def known_mapping(file: Path, name: str) -> Mapping | None:
    """Return the mapping that ``name`` is, or that a file shows where it is ``auto``; None where there is none."""
    known = _known()
    if name != AUTO:
        return known.get(name)
    with file.open("rb") as source:
        return items.recognise(source.read(HEAD_OCTETS), known)


def take(files: list[Path], name: str, *, token_file: Path | None, to: str, preview_only: bool) -> list[Path]:
    """Send, or show, those of ``files`` that are read by a mapping of events; return the others."""
    left = []
    for file in files:
        found = known_mapping(file, name)
        if found is None:
            left.append(file)
        elif preview_only:
            preview(file, found.name)
        elif token_file is None:
            raise Invalid("Give the source's credential: --token-file FILE. See headwater accounts issue-credential.")
        else:
            send(file, found, token_file=token_file, to=to)
    return left


def send(
    file: Path,
    found: Mapping,
    *,
    token_file: Path,
    to: str = "",
    given: list[str] | None = None,
    rejects: Path | None = None,
) -> None:
    """Send the records of a file through the feed door and print what became of them."""
    kept = rejects or file.with_name(file.name + ".rejects.ndjson")
    door = deliver.FeedDoor(to or own_door(), token_file.read_text().strip())
    try:
        with file.open("rb") as source, _rejected(kept) as reject, _progress(source, file) as moved:
            tally = deliver.deliver(
                items.items(source, found.input),
                Mapper(found, _given(file, given)),
                door,
                on_reject=reject,
                on_batch=moved,
            )
    finally:
        door.close()
    print(f"{file.name} read as {found.name} ({found.title})")
    print(f"{tally.read} records: {tally.stored} stored, {tally.duplicates} there already, {tally.refused} refused")
    for reason, number in sorted(tally.reasons.items(), key=lambda each: -each[1]):
        print(f"  {number:>9}  {reason}")
    if tally.refused:
        print(f"The refused records are in {kept}")


def preview(
    file: FILE,
    name: FORMAT = AUTO,
    given: WITH = None,
    rows: Annotated[int, typer.Option(min=1, max=1_000, help="How many records to show.")] = 5,
) -> None:
    """Show the first records of FILE as a mapping understands them. Nothing is sent."""
    found = _mapping(file, name)
    mapper = Mapper(found, _given(file, given))
    print(f"{file.name} read as {found.name} ({found.title})")
    with file.open("rb") as source:
        for item in _first(items.items(source, found.input), rows):
            print(f"\n{item.position}: {item.original[:300]}")
            try:
                if item.fault:
                    raise NotMapped(item.fault)
                event = mapper.event(item.value, item.original)
            except Invalid as error:
                print(f"  refused: {error}")
                continue
            print(f"  {event.type.value} {event.id}")
            _show(msgspec.to_builtins(event.data), "  ")


def formats() -> None:
    """List the mappings: the ready ones, and those in the folder ``mappings`` of the data directory."""
    for found in _known().values():
        print(f"{found.name:<26} {found.event_type.value:<18} {found.input.format.value:<7} {found.title}")


def _show(data: dict[str, object], indent: str) -> None:
    for name, value in data.items():
        if name == "provenance":
            continue
        if isinstance(value, dict):
            print(f"{indent}{name}:")
            _show(value, indent + "  ")
        else:
            print(f"{indent}{name}: {msgspec.json.encode(value).decode()}")


def _first(found: Iterator[Item], rows: int) -> Iterator[Item]:
    for number, item in enumerate(found):
        if number == rows:
            return
        yield item


def _folder() -> Path:
    return Path(os.environ.get("HEADWATER_HOME") or "var").expanduser() / "mappings"


def _known() -> dict[str, Mapping]:
    folder = _folder()
    own = sorted(path.stem for path in folder.glob("*.toml")) if folder.is_dir() else []
    return {name: mapping.load_mapping(name, folder) for name in [*own, *mapping.presets()]}


def _mapping(file: Path, name: str) -> Mapping:
    if name != AUTO:
        return mapping.load_mapping(name, _folder())
    found = known_mapping(file, name)
    if found is None:
        raise Invalid(f"{file} shows none of the known formats. Name one with --format: {', '.join(_known())}.")
    return found


def own_door() -> str:
    """Return the address of this machine's feed door."""
    from headwater.site.config import Process, load  # here: the settings are read only where they are needed

    config = load()
    return f"http://{config.host}:{config.port(Process.CALLS)}"


def _given(file: Path, given: list[str] | None) -> dict[str, str]:
    """Return what came beside the file; unless it is told, its own time says when the source held it."""
    changed = datetime.fromtimestamp(int(file.stat().st_mtime), UTC)
    return {"observed_at": changed.isoformat()} | _pairs(given)


def _pairs(given: list[str] | None) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in given or []]
    wrong = next((name for name, equals, _ in pairs if not name or not equals), None)
    if wrong is not None:
        raise Invalid(f"--with {wrong!r}: write NAME=VALUE")
    return {name: value for name, _, value in pairs}


@contextmanager
def _rejected(path: Path) -> Iterator[deliver.OnReject]:
    """Open the file of rejects when there is the first one; an earlier run's file is replaced."""
    path.unlink(missing_ok=True)
    file: BinaryIO | None = None

    def reject(item: Item, reason: str) -> None:
        nonlocal file
        if file is None:
            # Records of people: for the operator alone.
            file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        row = {"position": item.position, "reason": reason, "record": item.original}
        file.write(msgspec.json.encode(row) + b"\n")

    try:
        yield reject
    finally:
        if file is not None:
            file.close()


@contextmanager
def _progress(source: BinaryIO, file: Path) -> Iterator["_Moved"]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    counts = TextColumn("{task.fields[counts]}")
    with Progress(*columns, counts, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        yield _Moved(bar, bar.add_task(file.name, total=file.stat().st_size or 1, counts=""), source)


class _Moved:
    """Moves the bar by the octets that were read of the file, gzipped or not."""

    def __init__(self, bar: Progress, task: object, source: BinaryIO) -> None:
        self._bar = bar
        self._task = task
        self._source = source

    def __call__(self, tally: deliver.Tally) -> None:
        counts = f"{tally.stored} stored, {tally.duplicates} there already, {tally.refused} refused"
        self._bar.update(self._task, completed=self._source.tell(), counts=counts)  # type: ignore[arg-type]  # its own
