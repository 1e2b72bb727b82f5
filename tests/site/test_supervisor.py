import asyncio
import os
import sys

from headwater.site import preflight
from headwater.site.child import Child, Plan
from headwater.site.config import Config, Process
from headwater.site.supervisor import LOOP, Supervisor


class Hasty(Supervisor):
    backoff_s = (0.01, 0.02)


def keep(config: Config, source: str, *, until: int) -> list[str]:
    """Keep a process that runs ``source`` alive until so many messages were shown; return them."""
    preflight.folder(config)
    shown: list[str] = []

    async def run() -> None:
        supervisor = Hasty(config, say=shown.append)
        plan = Plan(
            name="desk",
            command=(sys.executable, "-u", "-c", source),
            environment={"PATH": os.environ["PATH"]},
            address=None,
            stop_s=5,
        )
        child = Child(plan, logs=config.logs, run=config.run)
        supervisor._children[Process.DESK] = child
        await child.start()
        keeping = asyncio.create_task(supervisor._keep(Process.DESK))
        async with asyncio.timeout(30):
            while len(shown) < until:  # noqa: ASYNC110 - a list tells nobody that it grew
                await asyncio.sleep(0.01)
        keeping.cancel()
        child.kill()
        await child.ended()

    asyncio.run(run())
    return shown


def test_a_process_that_keeps_dying_is_called_that_once_with_its_last_words(config: Config) -> None:
    shown = keep(config, "raise SystemExit('the table is missing')", until=LOOP + 3)
    loops = [message for message in shown if "times in a row" in message]
    assert len(loops) == 1
    assert "the table is missing" in loops[0]
    assert str(config.logs / "desk.log") in loops[0]
    assert shown[0] == "desk ended (exit code 1). Starting it again in 0.01 s."
    assert shown[1] == "desk ended (exit code 1). Starting it again in 0.02 s."


def test_a_process_that_comes_back_is_said_to_be_back(config: Config) -> None:
    source = "import time; print('ready'); time.sleep(.2); import os; os.kill(os.getpid(), 9)"
    shown = keep(config, source, until=2)
    assert shown == ["desk ended (killed by SIGKILL). Starting it again in 0.01 s.", "desk is back."]
