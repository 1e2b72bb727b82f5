import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from headwater.errors import Unavailable
from headwater.site import locks
from headwater.site.child import Child, Plan
from headwater.site.logfile import LogFile, tail


def child(tmp_path: Path, source: str, *, stop_s: float = 5, **environment: str) -> Child:
    """Return a child that runs a piece of Python."""
    plan = Plan(
        name="calls",
        command=(sys.executable, "-u", "-c", source),
        environment={"PATH": os.environ["PATH"], **environment},
        address=None,
        stop_s=stop_s,
    )
    return Child(plan, logs=tmp_path, run=tmp_path)


def never() -> bool:
    return False


def test_a_child_is_ready_when_it_says_so_even_in_two_writes(tmp_path: Path) -> None:
    source = (
        "import sys,time; sys.stdout.write('x\\nrea'); sys.stdout.flush(); time.sleep(.2); print('dy'); time.sleep(60)"
    )

    async def run() -> None:
        one = child(tmp_path, source)
        await one.start()
        assert await one.ready(patience_s=10, give_up=never)
        assert await one.stop()

    asyncio.run(run())


@pytest.mark.parametrize("said", ["already", "ready to go", "not ready"])
def test_words_that_only_hold_ready_do_not_count(tmp_path: Path, said: str) -> None:
    async def run() -> bool:
        one = child(tmp_path, f"import time; print({said!r}); time.sleep(60)")
        await one.start()
        try:
            return await one.ready(patience_s=1, give_up=never)
        finally:
            one.kill()
            await one.ended()

    assert asyncio.run(run()) is False


def test_a_child_that_dies_before_it_is_ready_is_noticed_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        one = child(tmp_path, "raise SystemExit('no such table')")
        await one.start()
        started = time.monotonic()
        assert not await one.ready(patience_s=30, give_up=never)
        assert time.monotonic() - started < 10
        assert await one.ended() == 1

    asyncio.run(run())
    assert "no such table" in tail(tmp_path / "calls.log")


def test_a_child_that_will_not_stop_is_killed_in_its_time(tmp_path: Path) -> None:
    source = "import signal,time; signal.signal(15, signal.SIG_IGN); print('ready'); time.sleep(60)"

    async def run() -> None:
        one = child(tmp_path, source, stop_s=0.5)
        await one.start()
        assert await one.ready(patience_s=10, give_up=never)
        started = time.monotonic()
        assert not await one.stop()
        assert time.monotonic() - started < 5
        assert one.pid is None

    asyncio.run(run())


def test_the_lock_is_the_childs_for_as_long_as_it_lives(tmp_path: Path) -> None:
    async def run() -> None:
        one = child(tmp_path, "import time; print('ready'); time.sleep(60)")
        await one.start()
        assert locks.held(tmp_path / "calls.lock")
        assert locks.holder(tmp_path / "calls.lock") == one.pid
        await one.stop()
        assert not locks.held(tmp_path / "calls.lock")

    asyncio.run(run())


def test_a_program_that_is_not_there_is_said_and_leaves_no_lock(tmp_path: Path) -> None:
    plan = Plan(name="calls", command=("/nonexistent",), environment={}, address=None, stop_s=1)

    async def run() -> None:
        with pytest.raises(Unavailable, match="calls cannot be started"):
            await Child(plan, logs=tmp_path, run=tmp_path).start()

    asyncio.run(run())
    assert not locks.held(tmp_path / "calls.lock")


def test_a_child_gets_its_environment_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANOTHERS_SECRET", "x")
    source = "import os; print(sorted(name for name in os.environ if 'SECRET' in name)); print('ready')"

    async def run() -> None:
        one = child(tmp_path, source, MY_SECRET="y")
        await one.start()
        await one.ended()

    asyncio.run(run())
    assert "['MY_SECRET']" in (tmp_path / "calls.log").read_text()


def test_a_log_that_is_written_without_end_fills_no_disk(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "x.log", octets=10_000)
    for number in range(5_000):
        log.write(b"%099d\n" % number)
    log.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["x.log", "x.log.1"]
    assert all(file.stat().st_size <= 10_000 + 100 for file in files)
    assert "4999" in tail(files[0])


def test_a_log_continues_where_it_was_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    for text in (b"one\n", b"two\n"):
        log = LogFile(tmp_path / "x.log")
        log.write(text)
        log.close()
    assert (tmp_path / "x.log").read_bytes() == b"one\ntwo\n"
    assert (tmp_path / "x.log").stat().st_mode & 0o777 == 0o600


def test_the_tail_of_a_log_is_short_whatever_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"\xff" * 1_000_000 + b"\n" + b"last\n")
    assert len(tail(path)) < 1_000
    assert tail(path).endswith("last")
    assert tail(tmp_path / "none.log") == "    (nothing was logged)"
