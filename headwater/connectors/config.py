"""What an operator says of a source that is to be asked: one TOML file each in the folder ``connectors``.

The form is described in docs/howto/pull-from-a-source.md.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec

from headwater.errors import Invalid, NotFound

FOLDER: Final = "connectors"
LONGEST_FILE: Final = 65_536
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")


class Kind(StrEnum):
    """How a source is paged."""

    FTC = "ftc"
    """api.ftc.gov: day by day, offset by offset, until a page is empty."""
    SOCRATA = "socrata"
    """A Socrata data set: by ``:updated_at`` and ``:id``."""
    DOCUMENT = "document"
    """One document, whole, asked for with ``If-None-Match``; perhaps with a link to the next."""


class BadConnector(Invalid):
    """A connector's file does not hold; the message says why."""


class ConnectorNotFound(NotFound):
    """There is no connector of that name."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One connector's file."""

    name: str
    kind: Kind
    url: str
    mapping: str
    token_file: str
    """Token of the source's feed credential, relative to the data directory: its records are kept under it."""
    key_file: str = ""
    """The source's own key for us, where it gives one."""
    interval_s: Annotated[int, msgspec.Meta(ge=60, le=2_592_000)] = 3_600
    page_size: Annotated[int, msgspec.Meta(ge=1, le=50_000)] = 50
    most_pages: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 500
    """Pages of one pull; the next one goes on where it stopped."""
    since: str = ""
    """For a first pull: the day from which on, ``2026-01-01``."""
    next_path: str = ""
    """For a JSON document: path of the address of the next one."""
    enabled: bool = True
    internal: bool = False
    """The source stands in the operator's own network: private addresses and plain HTTP are allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What a pull must show."""

    token: str
    key: str


def parse(octets: bytes, *, name: str) -> Settings:
    """Return the settings that a file holds.

    Raises:
        BadConnector: it holds none.
    """
    try:
        found = msgspec.toml.decode(octets, type=Settings)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BadConnector(f"connector {name}: {error}") from error
    if found.name != name or not _NAME.fullmatch(name):
        raise BadConnector(f"connector {name}: the file must be named as it says: {found.name}.toml")
    try:
        address = urlsplit(found.url)
    except ValueError as error:
        raise BadConnector(f"connector {name}: the url cannot be read: {error}") from error
    if address.scheme != "https" and not (found.internal and address.scheme == "http"):
        raise BadConnector(f"connector {name}: the url must begin with https://")
    if not address.hostname or address.username or address.fragment:
        raise BadConnector(f"connector {name}: the url must name a host, and hold neither a login nor a fragment")
    return found


def load(home: Path, name: str) -> Settings:
    """Return one connector's settings.

    Raises:
        ConnectorNotFound: there is no file of that name.
        BadConnector: the file does not hold.
    """
    path = home / FOLDER / f"{name}.toml"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise ConnectorNotFound(f"There is no connector {name}: {path} is not there.")
    with path.open("rb") as file:
        return parse(file.read(LONGEST_FILE), name=name)


def names(home: Path) -> list[str]:
    """Return the names of all connectors."""
    folder = home / FOLDER
    return sorted(path.stem for path in folder.glob("*.toml")) if folder.is_dir() else []


def secrets(home: Path, settings: Settings) -> Secrets:
    """Return what a pull must show.

    Raises:
        BadConnector: a file of them is not there, or empty.
    """
    token = _secret(home, settings, settings.token_file)
    return Secrets(token=token, key=_secret(home, settings, settings.key_file) if settings.key_file else "")


def _secret(home: Path, settings: Settings, name: str) -> str:
    try:
        with (home / name).open() as file:
            text = file.read(4_096).strip()
    except OSError as error:
        raise BadConnector(f"connector {settings.name}: {home / name} cannot be read: {error.strerror}") from error
    if not text or not text.isascii() or not text.isprintable():
        raise BadConnector(f"connector {settings.name}: {home / name} holds no token")
    return text
