import asyncio
from datetime import timedelta
from typing import Any

import pytest

from headwater.calls.engine import RefusedByStore, StoreUnavailable
from headwater.calls.queries import CallQueries
from headwater.calls.store import CallStore, Inserted
from headwater.calls.writer import Writer, WriterBusy, WriterClosed
from tests.calls.samples import NOON, report

pytestmark = pytest.mark.anyio


def total(store: CallStore) -> int:
    return CallQueries(store.engine, store.database).total()


def active_parts(store: CallStore) -> int:
    with store.engine.client(store.database) as client:
        return int(
            client.query(
                "SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'calls' AND level = 0"
            ).first_row[0]
        )


async def test_many_senders_go_to_disk_together(store: CallStore) -> None:
    writer = Writer(store)
    answers = await asyncio.gather(*(writer.put([report(number)]) for number in range(200)))
    await writer.close()
    assert answers == [Inserted(stored=1)] * 200
    assert total(store) == 200
    assert active_parts(store) <= 3


async def test_what_is_answered_is_durable_at_that_moment(store: CallStore) -> None:
    writer = Writer(store)
    await writer.put([report(1)])
    assert total(store) == 1
    await writer.close()


async def test_each_sender_hears_of_its_own_duplicates_and_conflicts(store: CallStore) -> None:
    writer = Writer(store)
    await writer.put([report(1), report(2)])
    answers = await asyncio.gather(
        writer.put([report(7), report(1)]),
        writer.put([report(2, transcript="other"), report(8), report(7)]),
        writer.put([report(9)]),
    )
    await writer.close()
    assert answers == [
        Inserted(stored=1, duplicates=(1,)),
        Inserted(stored=1, duplicates=(2,), conflicts=(0,)),
        Inserted(stored=1),
    ]
    assert total(store) == 5


async def test_one_bad_body_never_fails_its_neighbours(store: CallStore) -> None:
    writer = Writer(store)
    answers = await asyncio.gather(
        writer.put([report(1)]),
        writer.put([report(2), report(3, source_port=99_999)]),
        writer.put([report(4)]),
        writer.put([report(5, transcript="\ud800")]),
        return_exceptions=True,
    )
    await writer.close()
    assert isinstance(answers[1], RefusedByStore)
    assert isinstance(answers[3], RefusedByStore)
    assert all(isinstance(answers[place], Inserted) for place in (0, 2))
    assert total(store) == 2


async def test_a_store_that_cannot_write_answers_nobody_with_success(store: CallStore) -> None:
    writer = Writer(store)
    with store.engine.client(store.database) as client:
        client.command("DROP TABLE calls")
    answers = await asyncio.gather(*(writer.put([report(n)]) for n in range(3)), return_exceptions=True)
    assert all(isinstance(answer, StoreUnavailable) for answer in answers)
    store.migrate()
    await writer.close()


class SlowStore:
    """A store whose disk takes its time: the real one behind a gate."""

    def __init__(self, store: CallStore) -> None:
        self._store = store
        self.gate = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def insert(self, records: Any) -> Inserted:
        asyncio.run_coroutine_threadsafe(self.gate.wait(), self._loop).result(30)
        return self._store.insert(records)

    def insert_rejects(self, rejects: Any) -> None:
        self._store.insert_rejects(rejects)


async def test_what_waits_is_bounded_and_the_rest_is_told_to_come_again(store: CallStore) -> None:
    slow = SlowStore(store)
    writer = Writer(slow, linger_s=0.01, waiting_octets=10_000)  # type: ignore[arg-type]  # the part that it uses
    taken = [asyncio.create_task(writer.put([report(number)])) for number in range(20)]
    await asyncio.sleep(0.1)
    with pytest.raises(WriterBusy):
        await writer.put([report(1_000 + number) for number in range(20)])
    slow.gate.set()
    assert all(answer.stored == 1 for answer in await asyncio.gather(*taken))
    assert (await writer.put([report(2_000)])).stored == 1
    assert writer.waiting_octets == 0
    await writer.close()
    assert total(store) == 21


async def test_closing_writes_what_waits_and_refuses_what_comes_later(store: CallStore) -> None:
    writer = Writer(store, linger_s=5)
    waiting = asyncio.create_task(writer.put([report(1)]))
    await asyncio.sleep(0)
    await writer.close()
    await writer.close()
    assert (await waiting).stored == 1
    with pytest.raises(WriterClosed):
        await writer.put([report(2)])
    assert total(store) == 1


async def test_a_sender_that_hangs_up_takes_nothing_back(store: CallStore) -> None:
    writer = Writer(store)
    gone = asyncio.create_task(writer.put([report(1)]))
    stays = asyncio.create_task(writer.put([report(2)]))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await stays).stored == 1
    await writer.close()
    assert total(store) == 2


async def test_a_body_larger_than_a_group_goes_alone(store: CallStore) -> None:
    writer = Writer(store, group_octets=1_000)
    answers = await asyncio.gather(
        writer.put([report(number) for number in range(50)]), writer.put([report(99)]), writer.put([report(98)])
    )
    await writer.close()
    assert [answer.stored for answer in answers] == [50, 1, 1]


async def test_the_time_of_receipt_never_goes_back_across_groups(store: CallStore) -> None:
    writer = Writer(store, linger_s=0.001)
    for number in range(5):
        await writer.put([report(number, received_at=NOON - timedelta(seconds=number))])
    await writer.close()
    rows = CallQueries(store.engine, store.database).received_since(NOON - timedelta(days=1), limit=10)
    assert [row.event_id for row in rows] == [f"event-{number}" for number in range(5)]
