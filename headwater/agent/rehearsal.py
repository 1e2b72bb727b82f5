"""What a carrier would answer, tried on its records without hub, key or journal. Blocks; keeps and sends nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from headwater import clock
from headwater.agent import answers, config
from headwater.agent.config import AgentConfig
from headwater.agent.learned import Learned
from headwater.agent.search import candidates
from headwater.calls import queries
from headwater.calls.rules import match_call
from headwater.calls.store import CallStore
from headwater.errors import Invalid
from headwater.wire.agents import Party, Question

#: Questions of one file.
MOST: Final = 10_000


def question(  # noqa: PLR0913 - one argument a fact of the question
    *, calling: str, called: str, at: str, window_s: int, downstream: str = "", call_id: str = "", identity: str = ""
) -> Question:
    """Return a question about one call.

    Raises:
        Invalid: neither a number, nor a Call-ID, nor an Identity digest is given, or no time.
    """
    if not at or not (called or call_id or identity):
        raise Invalid("Give the time of the call, and its called number, Call-ID or Identity digest.")
    now = answers.stamp(clock.now())
    return Question(
        question_id="Q-REHEARSAL0",
        traceback_id="TB-REHEARSAL",
        hop=1,
        calling=calling,
        called=called,
        call_at=at,
        window_s=window_s,
        downstream=Party(spc=downstream) if downstream else None,
        call_id=call_id,
        identity_digest=identity,
        asked_at=now,
        legal_due_at=now,
        platform_due_at=now,
    )


def read(path: Path) -> list[Question]:
    """Read a file of questions, a JSON object a line.

    Raises:
        Invalid: a line is none, or there are more than 10,000.
    """
    found: list[Question] = []
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                if len(found) == MOST:
                    raise Invalid(f"{path} has more than {MOST} questions")
                try:
                    found.append(msgspec.json.decode(line, type=Question))
                except msgspec.MsgspecError as error:
                    raise Invalid(f"{path}, line {number}: {error}") from error
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from error
    return found


def answers_to(path: Path, spc: str, asked: Sequence[Question]) -> Iterator[dict[str, Any]]:
    """Yield the answer to each question, as it would leave; see ``answers_of``."""
    yield from answers_of(config.load(path), spc, asked)


def answers_of(read_config: AgentConfig, spc: str, asked: Sequence[Question]) -> Iterator[dict[str, Any]]:
    """Yield the answer to each question, as it would leave.

    Raises:
        Invalid: there is no such carrier, or a question cannot be understood.
        HeadwaterError: the store cannot be opened: an agent runs on it.
    """
    carrier = next((one for one in read_config.carriers if one.party.spc.upper() == spc.upper()), None)
    if carrier is None:
        raise Invalid(f"the configuration has no carrier {spc}")
    url = f"chdb://{(read_config.data / 'calls').resolve()}"
    store = CallStore.open(url, database=carrier.database)
    try:
        store.migrate()
        records = queries.connect(url, database=carrier.database)
        learned = Learned(read_config.data / carrier.party.spc / "clocks.json")
        for one in asked:
            because = answers.excluded(one, carrier.policy)
            if because:
                yield msgspec.to_builtins(answers.declined(one, carrier.party, clock.now(), because=because))
                continue
            wanted = answers.wanted(one, carrier.policy)
            edge = learned.edge(wanted.downstream_spc)
            near = replace(wanted, call_at=wanted.call_at + timedelta(seconds=edge.offset_s))
            match = match_call(wanted, candidates(near, records, carrier.profile), carrier.profile, edge=edge)
            yield msgspec.to_builtins(
                answers.answer(one, match, provider=carrier.party, policy=carrier.policy, now=clock.now())
            )
    finally:
        queries.disconnect(url, database=carrier.database)
        store.close()
