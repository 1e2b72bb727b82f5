"""Run inside a network namespace of its own: an agent and a hub, and the link between them cut and mended again.

Prints what came of it as JSON. The parent test starts it by ``unshare -rn``; nothing outside the namespace is touched.
"""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.agent.fakehub import FakeHub, serving
from tests.agent.scenes import Scene, agents, carrier_table, question, written
from tests.intake.senders import until


def link(state: str) -> None:
    """Set the namespace's only link up or down."""
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


async def play(folder: Path) -> dict[str, object]:
    """Ask before, during and after a cut."""
    hub, at = FakeHub(), datetime.now(UTC) - timedelta(seconds=30)
    async with serving(hub) as port:
        config = written(folder, port, [carrier_table("709J")], hub)
        async with agents(config) as running:
            scene = Scene(hub, running, at)
            scene.ring("709J")
            await until(lambda: running["709J"].parts.records.total() == 2, within_s=60)
            hub.ask("709J", question("Q-1", at=at, call_id="c1"))
            await until(lambda: "Q-1" in hub.accepted, within_s=60)
            await asyncio.to_thread(link, "down")
            hub.ask("709J", question("Q-2", at=at, call_id="c1"))
            await asyncio.sleep(4)
            during = sorted(hub.accepted)
            await asyncio.to_thread(link, "up")
            await until(lambda: "Q-2" in hub.accepted, within_s=120)
            hub.ask("709J", question("Q-3", at=at, call_id="c1"))
            await until(lambda: "Q-3" in hub.accepted, within_s=60)
    octets = {hub.answer(name).question_id for name in hub.accepted}
    return {
        "during": during,
        "accepted": sorted(hub.accepted),
        "answers": sorted(octets),
        "different": len({body for _, body in hub.posts}),
        "problems": hub.problems,
    }


if __name__ == "__main__":
    link("up")
    sys.stdout.write(json.dumps(asyncio.run(play(Path(sys.argv[1])))) + "\n")
