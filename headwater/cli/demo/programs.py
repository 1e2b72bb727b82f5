"""The programs of a demo: `headwater up`, the carriers' agents, the simulator; started in order, stopped in order."""

import asyncio
import json
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from headwater.agent import keys as agent_keys
from headwater.cli.demo.folder import Folder, Remembered
from headwater.errors import Unavailable
from headwater.simulator.network import Carrier, Network
from headwater.simulator.setup import HepDoor, Setup, Staff
from headwater.site import lifeline, secret_files
from headwater.site.child import Child, Plan
from headwater.site.logfile import tail

#: One agent process serves several small carriers, as a vendor would.
AGENT_PROCESSES = 3
READY_S = 90.0
BY_HAND_AFTER_S = 40.0
UP, SIMULATOR = "up", "simulator"


class Programs:
    """Every child of one demo."""

    def __init__(self, folder: Folder, network: Network) -> None:
        """Nothing is started yet."""
        self.folder = folder
        self.network = network
        self.running: dict[str, Child] = {}
        self.stopping = False

    async def start_hub(self) -> None:
        """Run ``headwater up`` and wait until every process of it is ready.

        Raises:
            Unavailable: it ended, or was not ready in time; its last words are in the message.
        """
        child = await self._start(UP, ("up",), stop_s=60.0)
        state = self.folder.home / "run" / "state.json"
        await self._wait(child, lambda: _hub_ready(state))

    async def start_agents(self, facts: Remembered) -> None:
        """Write each agent's configuration, start it, and wait until its HEP doors are open."""
        groups = [self.network.agents()[place::AGENT_PROCESSES] for place in range(AGENT_PROCESSES)]
        started = []
        for number, carriers in enumerate(groups, start=1):
            file = agent_file(self.folder, number)
            secret_files.write(file, _agent_config(self.folder, self.network, carriers, facts))
            words = ("agent", "--config", str(file))
            child = await self._start(f"agent-{number}", words, stop_s=20.0)
            started.append((child, [self.folder.agent_port(place_of(self.network, one)) for one in carriers]))
        for child, ports in started:
            for port in ports:
                await self._wait(child, partial(_listens, port))

    async def start_simulator(self, facts: Remembered) -> None:
        """Let it ring."""
        file = self.folder.own / "setup.json"
        secret_files.write(file, json.dumps(_setup(self.folder, self.network, facts), indent=2) + "\n")
        await self._start(SIMULATOR, ("simulator", "--config", str(file)), stop_s=15.0)

    async def watch(self) -> str:
        """Wait until a child ends by itself; return what happened. Being stopped is no such end."""
        while True:
            ended = [name for name, child in self.running.items() if child.pid is None]
            if ended and not self.stopping:
                log = self.running[ended[0]].log_path
                return f"{ended[0]} ended by itself. Its log, {log}, ends:\n{tail(log)}"
            await asyncio.sleep(0.5)

    async def stop(self, names: tuple[str, ...] = ()) -> list[str]:
        """Stop children, those of ``names`` or all, the last started first; return which had to be killed."""
        self.stopping = True
        chosen = [name for name in reversed(self.running) if name in (names or self.running)]
        return [name for name in chosen if not await self.running[name].stop()]

    async def _start(self, name: str, words: tuple[str, ...], *, stop_s: float) -> Child:
        environment = self.folder.environment() | {lifeline.SUPERVISED: "1", "PYTHONUNBUFFERED": "1", "TZ": "UTC"}
        plan = Plan(
            name=name,
            command=(sys.executable, "-P", "-m", "headwater", *words),
            environment=environment,
            address=None,
            stop_s=stop_s,
        )
        logs = secret_files.private_folder(self.folder.own / "logs")
        child = Child(plan, logs=logs, run=secret_files.private_folder(self.folder.own / "run"))
        await child.start()
        self.running[name] = child
        return child

    async def _wait(self, child: Child, ready: Callable[[], bool]) -> None:
        for _ in range(round(READY_S / 0.2)):
            if ready():
                return
            if child.pid is None:
                break
            await asyncio.sleep(0.2)
        how = "ended" if child.pid is None else f"was not ready in {READY_S:.0f} s"
        raise Unavailable(f"{child.plan.name} {how}. Its log, {child.log_path}, ends:\n{tail(child.log_path)}")


def place_of(network: Network, carrier: Carrier) -> int:
    """Return the place of a carrier among those that run agents: its HEP port follows from it."""
    return network.agents().index(carrier)


def agent_file(folder: Folder, number: int) -> Path:
    """Return the configuration file of one agent process."""
    return secret_files.private_folder(folder.own / f"agent-{number}") / "agent.toml"


def key_file(folder: Folder, carrier: Carrier) -> Path:
    """Return the private key of one carrier."""
    return secret_files.private_folder(folder.own / "keys") / f"{carrier.spc.lower()}.pem"


def make_keys(folder: Folder, network: Network) -> dict[str, dict[str, str]]:
    """Make the key of each carrier that runs an agent, unless it is there; return the public halves by SPC."""
    public = {}
    for carrier in network.agents():
        path = key_file(folder, carrier)
        key = agent_keys.load(path) if path.exists() else agent_keys.create(path)
        public[carrier.spc] = key.public_jwk
    return public


def _hub_ready(state: Path) -> bool:
    try:
        return bool(json.loads(state.read_text())["ready"])
    except (FileNotFoundError, ValueError):
        return False


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _agent_config(folder: Folder, network: Network, carriers: tuple[Carrier, ...], facts: Remembered) -> str:
    lines = ['data = "data"', "", "[hub]", f"url = {_toml(folder.url('carrier'))}", "wait_s = 20"]
    for carrier in carriers:
        lines += [
            "",
            "[[carrier]]",
            f"spc = {_toml(carrier.spc)}",
            f"name = {_toml(carrier.name)}",
            f"country = {_toml(carrier.country)}",
            f"key_file = {_toml(str(key_file(folder, carrier)))}",
            f"own = [{_toml(carrier.block)}]",
            f"office_zone = {_toml(carrier.office_zone)}",
            "",
            "[[carrier.hep]]",
            'host = "127.0.0.1"',
            f"port = {folder.agent_port(place_of(network, carrier))}",
            f"auth_key = {_toml(facts.hep_keys[carrier.spc])}",
        ]
        lines += [line for peer in network.peers(carrier.spc) for line in _peer(peer)]
        for customer in network.customers(carrier.spc):
            lines += ["", "[[carrier.peer]]", 'kind = "customer"', f"name = {_toml(customer.name)}"]
            lines.append(f"addresses = [{_toml(customer.address)}]")
    return "\n".join(lines) + "\n"


def _peer(peer: Carrier) -> list[str]:
    return [
        "",
        "[[carrier.peer]]",
        f'kind = "{"carrier" if peer.country == "US" else "foreign"}"',
        f"spc = {_toml(peer.spc)}",
        f"name = {_toml(peer.name)}",
        f"country = {_toml(peer.country)}",
        f"addresses = [{_toml(peer.block)}]",
    ]


def _toml(text: str) -> str:
    # A JSON string is a TOML basic string for everything that stands in a carrier's name, address or path.
    return json.dumps(text)


def _setup(folder: Folder, network: Network, facts: Remembered) -> dict[str, object]:
    doors = {
        carrier.spc: HepDoor(
            host="127.0.0.1",
            port=folder.agent_port(place_of(network, carrier)),
            auth_key=facts.hep_keys[carrier.spc],
        )
        for carrier in network.agents()
    }
    staff = [
        Staff(spc=key.removeprefix("staff-"), email=login.email, password=login.password, totp_secret=login.totp_secret)
        for key, login in facts.logins.items()
        if key.startswith("staff-")
    ]
    setup = Setup(
        seed=facts.seed,
        size=facts.carriers,
        feed_url=folder.url("calls"),
        feed_tokens=facts.feed_tokens,
        hep=doors,
        carrier_url=folder.url("carrier"),
        staff=staff,
        by_hand_after_s=BY_HAND_AFTER_S,
        folder=str(folder.own),
    )
    built: dict[str, object] = msgspec.to_builtins(setup)
    return built
