"""An agent without HEP: it answers from folders of call detail records alone."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headwater.agent.config import BadConfig, checked
from headwater.wire.agents import AnswerCode, Party
from tests.agent.scenes import carrier_table, question, scene, tables
from tests.agent.test_carrier import run, until
from tests.intake.cdr.test_presets import DATA, TRUTH

LAB_PEERS = [{"kind": "carrier", "spc": "505K", "name": "Carrier B", "addresses": ["10.77.0.22"]}]


def lab(**members: Any) -> dict[str, Any]:
    """Carrier C of the lab, whose own address is 10.77.0.23."""
    folder = [{"folder": "drop", "settle_s": 0, "every_s": 0.1}]
    return carrier_table("709J", hep=[], own=["10.77.0.23"], peer=LAB_PEERS, cdr=folder, **members)


def test_a_question_is_answered_from_the_rows_of_a_proxy_and_names_who_handed_the_call_over(tmp_path: Path) -> None:
    async def play() -> None:
        async with scene(tmp_path, lab()) as on:
            for name in ("kamailio-acc-carrierC.csv", "kamailio-acc_cdrs-carrierC.csv"):
                (tmp_path / "drop" / name).write_bytes((DATA / name).read_bytes())
            await until(lambda: on.agents["709J"].parts.records.total() == 57)
            answered = [call for call in TRUTH if call["final_status"] == 200]
            for number, call in enumerate(answered):
                on.hub.ask("709J", question(
                    f"Q-{number}", calling=call["calling"][1:], called=call["called"][1:],
                    at=datetime.fromtimestamp(call["start_utc_epoch"], UTC),
                    call_id=call["call_id_carrierB_to_C_to_called_party"],
                ))  # fmt: skip
            await until(lambda: len(on.hub.accepted) == len(answered))
            for number, call in enumerate(answered):
                answer = on.hub.answer(f"Q-{number}")
                assert answer.code is AnswerCode.UPSTREAM_US, call
                assert answer.upstream == Party(spc="505K", name="Carrier B")
                assert answer.ingress is not None
                assert answer.ingress.call_id == call["call_id_carrierB_to_C_to_called_party"]

    run(play())


def test_a_trunk_name_says_who_handed_a_call_over_where_no_address_does(tmp_path: Path) -> None:
    peers = [
        {"kind": "carrier", "spc": "111A", "name": "Upper", "trunks": ["PJSIP/carrierB"]},
        {"kind": "carrier", "spc": "999D", "name": "Down", "trunks": ["PJSIP/carrierC"]},
    ]
    folder = [{"folder": "drop", "settle_s": 0, "every_s": 0.1, "format": "asterisk-csv", "zone": "America/New_York"}]

    async def play() -> None:
        table = carrier_table("709J", hep=[], peer=peers, cdr=folder)
        async with scene(tmp_path, table) as on:
            (tmp_path / "drop" / "Master.csv").write_bytes((DATA / "asterisk-Master.csv").read_bytes())
            await until(lambda: on.agents["709J"].parts.records.total() == 3)
            at = datetime(2026, 11, 20, 19, 10, 7, tzinfo=UTC)
            on.hub.ask("709J", question("Q-1", at=at, calling="14045550123", called="13105550142"))
            await until(lambda: "Q-1" in on.hub.accepted)
            answer = on.hub.answer("Q-1")
            assert (answer.code, answer.upstream) == (AnswerCode.UPSTREAM_US, Party(spc="111A", name="Upper"))

    run(play())


@pytest.mark.parametrize(("members", "says"), [
    ({"hep": []}, "no record could come in"),
    ({"cdr": [{"folder": "x", "format": "nonsense"}]}, "no format"),
    ({"cdr": [{"folder": "x", "zone": "Mars/One"}]}, "IANA"),
    ({"cdr": [{"folder": "x", "mapping": "missing.toml"}]}, "missing.toml"),
    ({"peer": [{"kind": "carrier", "spc": "1A"}]}, "addresses, its trunks"),
    ({"peer": [{"kind": "carrier", "spc": "1A", "trunks": ["t"]}, {"kind": "carrier", "spc": "2B", "trunks": ["t"]}]},
     "one owner"),
])  # fmt: skip
def test_a_wrong_table_is_named(tmp_path: Path, members: dict[str, Any], says: str) -> None:
    with pytest.raises(BadConfig, match=says):
        checked(tables(1, [carrier_table("709J", **members)]), folder=tmp_path)
