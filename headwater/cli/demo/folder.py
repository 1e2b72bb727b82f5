"""What a demo keeps on disk: where things are, which ports they use, and who was seeded, for the next run."""

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from headwater.errors import Conflict, Invalid
from headwater.site import secret_files

REMEMBERED = "demo.json"
#: HTTP ports follow the base; HEP ports stand apart from it: 8400 gives 8401 to 8404, 9060 and from 9070 on.
HEP_APART = 660
AGENTS_APART = 670
HIGHEST_BASE = 64_000


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """How one seeded person signs in."""

    application: str
    """``desk``, ``portal`` or ``carrier``."""
    name: str
    email: str
    password: str
    totp_secret: str
    role: str
    """What the person does, in words."""


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a later run on the same folder must know again."""

    seed: int
    carriers: int
    port_base: int
    logins: dict[str, Login]
    feed_tokens: dict[str, str]
    feed_sources: dict[str, str]
    """Partner -> identifier under which the hub stores its records."""
    hep_keys: dict[str, str]
    """SPC -> HEP authentication key of its agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """The places of one demo."""

    home: Path
    port_base: int

    @property
    def own(self) -> Path:
        """What belongs to the demo and not to the product: truth, agents, accounts."""
        return self.home / "simulator"

    @property
    def remembered(self) -> Path:
        """File of the accounts and tokens that were seeded."""
        return self.own / REMEMBERED

    def port(self, name: str) -> int:
        """Return the port of an HTTP process of the product, or of its HEP door."""
        offsets = {"desk": 1, "portal": 2, "carrier": 3, "calls": 4, "public": 5, "hep": HEP_APART}
        return self.port_base + offsets[name]

    def url(self, name: str) -> str:
        """Return the base address of an HTTP process of the product."""
        return f"http://127.0.0.1:{self.port(name)}"

    def agent_port(self, index: int) -> int:
        """Return the HEP port of the agent of the ``index``-th carrier."""
        return self.port_base + AGENTS_APART + index

    def environment(self) -> dict[str, str]:
        """Return this process's environment with the settings of this demo in it."""
        ports = {
            f"HEADWATER_{name.upper()}_PORT": str(self.port(name)) for name in ("desk", "portal", "carrier", "public")
        }
        ports |= {"HEADWATER_CALLS_PORT": str(self.port("calls")), "HEADWATER_HEP_PORT": str(self.port("hep"))}
        # A demo is one machine and one folder: an operator's own servers are not for simulated calls.
        others = ("HEADWATER_DATABASE_URL", "HEADWATER_CALLS_URL", "HEADWATER_PUBLIC_URL", "HEADWATER_PROCESS")
        kept = {name: value for name, value in os.environ.items() if name not in others}
        return kept | ports | {"HEADWATER_HOME": str(self.home), "HEADWATER_BIND": "127.0.0.1"}


def choose(home: Path, *, seed: int | None, carriers: int | None, port_base: int) -> tuple[Folder, int, int, bool]:
    """Return the folder, the seed, the number of carriers, and whether this goes on with an earlier demo.

    Raises:
        Conflict: the folder holds something other than a demo, or a demo of another network.
        Invalid: the ports do not fit.
    """
    if not 1024 <= port_base <= HIGHEST_BASE:
        raise Invalid(f"--port-base must be from 1024 to {HIGHEST_BASE}, not {port_base}.")
    folder = Folder(home=home.expanduser().resolve(), port_base=port_base)
    earlier = remembered(folder)
    if earlier is None:
        inside = sorted(path.name for path in folder.home.iterdir()) if folder.home.is_dir() else []
        if inside and folder.own.name not in inside:
            raise Conflict(
                f"{folder.home} holds {', '.join(inside[:5])} but no demo. A demo mixes simulated calls into what it "
                "finds, so it starts in a folder of its own: choose another --home."
            )
        return folder, 1 if seed is None else seed, 12 if carriers is None else carriers, False
    for option, given, had in (("--seed", seed, earlier.seed), ("--carriers", carriers, earlier.carriers)):
        if given is not None and given != had:
            raise Conflict(
                f"The demo in {folder.home} was made with {option} {had}, not {given}. Leave the option away to go on "
                "with that one, or choose another --home."
            )
    return folder, earlier.seed, earlier.carriers, True


def remembered(folder: Folder) -> Remembered | None:
    """Return what an earlier run left, or None.

    Raises:
        Conflict: the file is there and cannot be read.
    """
    try:
        return msgspec.json.decode(folder.remembered.read_bytes(), type=Remembered)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise Conflict(f"{folder.remembered} cannot be read ({error}). Choose another --home.") from error


def remember(folder: Folder, facts: Remembered) -> None:
    """Keep ``facts`` for the next run, readable by the operator alone."""
    secret_files.write(folder.remembered, msgspec.json.format(msgspec.json.encode(facts), indent=2).decode() + "\n")
