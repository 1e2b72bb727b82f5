"""What is wrong with an agent's configuration, in plain words, before it runs."""

from dataclasses import dataclass
from pathlib import Path

from headwater.agent import config, keys
from headwater.agent.config import AgentConfig, Carrier
from headwater.agent.journal import Journal
from headwater.errors import Conflict, HeadwaterError


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    text: str
    is_wrong: bool = False


def findings(path: Path) -> list[Finding]:
    """Look at the file, every key, the data folder and every journal; open no socket and ask no hub."""
    try:
        read = config.load(path)
    except HeadwaterError as error:
        return [Finding(text=str(error), is_wrong=True)]
    found = [Finding(text=f"{path}: {len(read.carriers)} carriers, hub {read.hub.url}")]
    if read.hub.ca_file is not None and not read.hub.ca_file.is_file():
        found.append(Finding(text=f"hub.ca_file {read.hub.ca_file} is no file", is_wrong=True))
    for carrier in read.carriers:
        found += [_key(carrier), *_journal(read, carrier), _doors(carrier), *_deposits(read, carrier)]
    return found


def _key(carrier: Carrier) -> Finding:
    try:
        key = keys.load(carrier.key_file)
    except HeadwaterError as error:
        return Finding(text=f"{carrier.party.spc}: {error}", is_wrong=True)
    return Finding(text=f"{carrier.party.spc}: key {key.thumbprint}")


def _journal(read: AgentConfig, carrier: Carrier) -> list[Finding]:
    path = read.data / carrier.party.spc / "answers.jsonl"
    if not path.exists():
        return []
    try:
        journal = Journal(path)
    except Conflict:
        return [Finding(text=f"{carrier.party.spc}: an agent is running on {path}")]
    except HeadwaterError as error:
        return [Finding(text=f"{carrier.party.spc}: {error}", is_wrong=True)]
    try:
        waiting = len(journal.unsettled())
    finally:
        journal.close()
    return [Finding(text=f"{carrier.party.spc}: journal is whole, {waiting} answers wait for a receipt")]


def _deposits(read: AgentConfig, carrier: Carrier) -> list[Finding]:
    if carrier.deposit is None:
        return []
    folder = read.data / carrier.party.spc / "deposits"
    waiting = len(list(folder.glob("*.window")))
    text = f"{carrier.party.spc}: deposits its calls and answers no question; {waiting} windows wait for the hub"
    return [Finding(text=text)]


def _doors(carrier: Carrier) -> Finding:
    doors = ", ".join(f"{door.host}:{door.port}" for door in carrier.doors)
    peers = len(carrier.profile.peers)
    return Finding(text=f"{carrier.party.spc}: hep on {doors}; {peers} peers", is_wrong=False)
