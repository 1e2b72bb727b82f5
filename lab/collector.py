"""Our side of the lab: one ``headwater agent`` process that serves the three carriers, and what it kept."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from headwater.agent import config as agent_config
from headwater.agent import keys
from headwater.calls import queries
from headwater.calls.legs import Profile
from headwater.calls.records import CallRecord, RecordKind
from lab.network import COLLECTOR, CUSTOMER, PHONE, A, B, C
from lab.parties import CAPTURE_IDS, KEYS, PORTS

ROOT = Path(__file__).parents[1]
ADDRESSES = {"a": A, "b": B, "c": C}
SPCS = {"a": "709J", "b": "812K", "c": "913L"}
_NEIGHBOURS = {"a": (("customer", CUSTOMER), ("b", B)), "b": (("a", A), ("c", C)), "c": (("b", B), ("phone", PHONE))}
MOST_RECORDS = 100_000


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What one carrier's store holds after the run."""

    records: list[CallRecord]
    profile: Profile
    raw: dict[bytes, bytes]
    """INVITEs' octets by record identifier."""


def configure(folder: Path) -> Path:
    """Write the agent's configuration and keys; return the file."""
    tables = [f'data = "{folder / "agent"}"', "[hub]", 'url = "http://127.0.0.1:9"']
    for place, address in ADDRESSES.items():
        keys.create(folder / f"{place}.key")
        tables += [
            "[[carrier]]",
            f'spc = "{SPCS[place]}"',
            f'name = "Carrier {place.upper()}"',
            f'key_file = "{place}.key"',
            f'own = ["{address}"]',
            "[[carrier.hep]]",
            f'host = "{COLLECTOR}"',
            f"port = {PORTS[place]}",
            f'allowed = ["{address}"]',
            f'capture_ids = ["{CAPTURE_IDS[place]}"]',
            *([f'auth_key = "{KEYS[place]}"'] if place in KEYS else ["short_capture_ids = true"]),
        ]
        for name, neighbour in _NEIGHBOURS[place]:
            kind = "carrier" if name in ADDRESSES else "customer"
            tables += ["[[carrier.peer]]", f'kind = "{kind}"', f'name = "{name}"', f'addresses = ["{neighbour}"]']
            tables += [f'spc = "{SPCS[name]}"'] if name in ADDRESSES else []
    path = folder / "agent.toml"
    path.write_text("\n".join(tables) + "\n")
    return path


def start(config: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start the agent and return when its doors are open.

    Raises:
        SystemExit: it did not come up; its log says why.
    """
    with log.open("wb") as file:
        agent = subprocess.Popen(
            [sys.executable, "-m", "headwater", "agent", "--config", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    ends_at = time.monotonic() + 60
    while b"agent serves" not in log.read_bytes():
        if agent.poll() is not None or time.monotonic() > ends_at:
            agent.kill()
            raise SystemExit(f"the agent did not start:\n{log.read_text()[-3_000:]}")
        time.sleep(0.1)
    return agent


def stop(agent: subprocess.Popen[bytes]) -> None:
    """Let the agent write what it read, and end."""
    agent.terminate()
    agent.wait(timeout=60)


def kept(config: Path) -> dict[str, Kept]:
    """Return what each carrier's store holds. The agent must have ended: the folder has one user."""
    loaded = agent_config.load(config)
    url = f"chdb://{(loaded.data / 'calls').resolve()}"
    found = {}
    for place, carrier in zip(ADDRESSES, loaded.carriers, strict=True):
        store = queries.connect(url, database=carrier.database)
        records = store.received_since(datetime(2020, 1, 1, tzinfo=UTC), limit=MOST_RECORDS, record_kind=RecordKind.SIP)
        invites = [one.record_id for one in records if one.sip_method == "INVITE" and not one.sip_status]
        raw = {identifier.bytes: octets for identifier, octets in store.raw(invites).items()}
        found[place] = Kept(records=records, profile=carrier.profile, raw=raw)
    for carrier in loaded.carriers:
        queries.disconnect(url, database=carrier.database)
    return found
