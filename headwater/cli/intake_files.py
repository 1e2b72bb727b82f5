"""``headwater intake file`` and ``watch``: call detail records and captures from files, through the file door."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from headwater.cli import intake_events
from headwater.errors import HeadwaterError, Invalid
from headwater.intake.cdr import detect, mapping
from headwater.intake.cdr.deliver import FileDoor
from headwater.intake.cdr.files import unfolded
from headwater.intake.cdr.folder import Folder
from headwater.intake.cdr.runs import Choice, Run, is_capture

AUTO: Final = "auto"
#: Columns of a preview that are never broken: time, numbers, length.
_WHOLE: Final = 4
#: Characters that a table of rows needs; a narrower terminal gets a list.
_WIDE: Final = 140

FILES = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Files: plain, .gz, .bz2 or .zst.")]
TOKEN = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="File with the token of the carrier's feed credential.")
]
FORMAT = Annotated[str, typer.Option("--format", help="Name of a format (intake cdr-formats), capture, or auto.")]
OWN = Annotated[
    Path | None, typer.Option("--mapping", exists=True, dir_okay=False, help="Your own mapping (TOML) instead.")
]
ZONE = Annotated[str, typer.Option(help="IANA zone of times without one, such as America/New_York.")]
TO = Annotated[str, typer.Option(help="Address of the file door; empty: this machine's.")]
SECRET = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="File with the RADIUS shared secret, to check packets.")
]


def add_to(group: typer.Typer) -> None:
    """Add the commands to ``headwater intake``."""
    group.command("file")(file)
    group.command("watch")(watch)
    group.command("cdr-formats")(cdr_formats)


def file(  # noqa: PLR0917 - typer passes options by name
    files: FILES,
    token_file: TOKEN = None,
    name: FORMAT = AUTO,
    own: OWN = None,
    zone: ZONE = "",
    to: TO = "",
    secret_file: SECRET = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show the first rows as understood; send nothing.")
    ] = False,
) -> None:
    """Send call detail records or captures, as the carrier whose token it is.

    A row that cannot be read is written to FILE.rejects.jsonl with its place and reason; the rest goes in. A run that
    broke off goes on where it was; sending a file again stores nothing twice.
    """
    if own is None:
        # Complaints and vendors' files have mappings of their own, and a door of their own.
        files = intake_events.take(files, name, token_file=token_file, to=to, preview_only=preview)
        if not files:
            return
    choice = _choice(name, own, zone, secret_file)
    if preview:
        for path in files:
            _preview(path, choice)
        return
    door = _door(to, token_file)
    failed = 0
    try:
        for path in files:
            try:
                _send(path, choice, door)
            except HeadwaterError as error:
                failed += 1
                print(f"{path}: {error}")
    finally:
        door.close()
    if failed:
        raise typer.Exit(1)


def watch(  # noqa: PLR0917 - typer passes options by name
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Where the carrier's files arrive.")],
    token_file: TOKEN = None,
    name: FORMAT = AUTO,
    own: OWN = None,
    zone: ZONE = "",
    to: TO = "",
    secret_file: SECRET = None,
    settle_s: Annotated[float, typer.Option(min=0, help="Seconds that a file's size must not have changed.")] = 10.0,
    every_s: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks into the folder.")] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Take what is complete now, then end.")] = False,
) -> None:
    """Take files from FOLDER as they arrive (SFTP drop), until stopped.

    A file is complete when its size has not changed for a while, or at once when FILE.done lies beside it. It moves to
    done/ or failed/ with a report. Names that begin with a dot, or end in .part, .tmp or .filepart, are left alone, and
    so is what is no file of its own: a link is never followed.
    """
    choice = _choice(name, own, zone, secret_file)
    door = _door(to, token_file)
    try:
        Folder(folder, choice, door, settle_s=settle_s, say=print).run(every_s=every_s, once=once)
    finally:
        door.close()


def cdr_formats() -> None:
    """List the ready formats of call detail records."""
    for found in mapping.presets().values():
        print(f"{found.name:<20} {found.standing.value:<10} {found.title}")


def _choice(name: str, own: Path | None, zone: str, secret_file: Path | None) -> Choice:
    found: mapping.Mapping | None = None
    if own is not None:
        found = mapping.load(own)
    elif name not in {AUTO, "capture"}:
        found = mapping.preset(name)
    if found is not None:
        found.with_zone(zone)  # says now, not in the middle of a file, that there is no such zone
    secret = secret_file.read_text().strip() if secret_file else ""
    return Choice(mapping=found, is_capture=name == "capture", zone=zone, secret=secret)


def _door(to: str, token_file: Path | None) -> FileDoor:
    if token_file is None:
        raise Invalid(
            "Give the carrier's credential: --token-file FILE. The desk issues one: headwater accounts --help."
        )
    return FileDoor(to or _own_door(), token_file.read_text().strip())


def _own_door() -> str:
    from headwater.site.config import Process, load  # here: the settings are read only where they are needed

    config = load()
    return f"http://{config.host}:{config.port(Process.CALLS)}"


def _send(path: Path, choice: Choice, door: FileDoor) -> None:
    run = Run(path, choice)
    print(f"{path.name}: {run.explained}")
    with _bar(path.name, run) as moved:
        done = run.deliver(door, on_part=moved)
    print(f"  {done.rows} rows: {done.stored} stored, {done.duplicates} there already, {done.refused} refused, "
          f"{done.passed} of no call")  # fmt: skip
    for reason, number in sorted(done.reasons.items(), key=lambda each: -each[1]):
        print(f"  {number:>9}  {reason}")
    if done.refused:
        print(f"  The refused rows are in {run.rejects}")


@contextmanager
def _bar(name: str, run: Run) -> Iterator["_Moved"]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TextColumn("{task.fields[counts]}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        yield _Moved(bar, bar.add_task(name, total=run.size or 1, counts=""))


class _Moved:
    """Moves the bar by the octets that were read of the file, compressed or not."""

    def __init__(self, bar: Progress, task: object) -> None:
        self._bar = bar
        self._task = task

    def __call__(self, done: "object", read: int) -> None:
        from headwater.intake.cdr.deliver import Progress as Done  # the bar has the name already

        if isinstance(done, Done):
            counts = f"{done.stored} stored, {done.duplicates} there already, {done.refused} refused"
            self._bar.update(self._task, completed=read, counts=counts)  # type: ignore[arg-type]  # its own


def _preview(path: Path, choice: Choice) -> None:
    now = datetime.now(UTC)
    if choice.is_capture or is_capture(path):
        print(f"{path.name}: a packet capture; its SIP messages are taken as they are")
        return
    with path.open("rb") as raw, unfolded(raw) as opened:
        head = opened.read(detect.HEAD_OCTETS)
        whole = not opened.read(1)
    shown = detect.preview(head, choice.mapping, now, zone=choice.zone, secret=choice.secret, whole=whole)
    print(f"{path.name}: {shown.explained}")
    if sys.stdout.isatty() and Console().width < _WIDE:
        _list(shown)
    else:
        _table(shown)
    print("Fields are filled from: " + "; ".join(f"{name} <- {column}" for name, column in shown.sources))


def _table(shown: detect.Preview) -> None:
    table = Table(show_lines=False)
    table.add_column("Row", justify="right", no_wrap=True)
    for place in shown.filled:
        table.add_column(shown.columns[place], overflow="fold", no_wrap=place < _WHOLE)
    for line in shown.lines:
        if line.reason:
            # The reason takes a line of its own below: a column is too narrow for it.
            table.add_row(str(line.row), "[red]not read[/red]", *[""] * (len(shown.filled) - 1))
        else:
            table.add_row(str(line.row), *[_plain(line.cells[place]) for place in shown.filled])
    Console(width=max(Console().width, _WIDE)).print(table)
    for line in shown.lines:
        if line.reason:
            print(f"row {line.row}: {_plain(line.reason)}")


def _list(shown: detect.Preview) -> None:
    """Show the rows one below the other, for a narrow terminal."""
    for line in shown.lines:
        print(f"row {line.row}" + (f": not read: {_plain(line.reason)}" if line.reason else ""))
        for place in shown.filled if line.cells else ():
            print(f"  {shown.columns[place]}: {_plain(line.cells[place])}")


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in text).replace("[", "\\[")
