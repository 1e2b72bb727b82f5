"""Who can stop the calls: drawn from answers, in the order of effect, claiming no more than was said."""

from typing import Any

from headwater.evidence.parts import relief
from tests.evidence import specimen


def hop(trace: str, index: int, spc: str, answer: str, upstream: str = "") -> dict[str, Any]:
    (path,) = specimen.material().path
    changes = {"traceback_id": trace, "hop": index, "provider": f"Provider {spc}", "provider_spc": spc}
    return {**path, **changes, "answer": answer, "upstream": upstream, "question_id": f"Q-{trace}-{index}"}


def told(*path: dict[str, Any]) -> list[tuple[str, str, str]]:
    found = relief.rows(specimen.material(path=path))
    return [(row["provider_spc"], row["part_in_the_calls"].split(" ")[0], row["can_do"]) for row in found]


def test_who_placed_the_calls_comes_first_then_who_took_them_from_there():
    found = told(
        hop("TB-1", 1, "709A", "UPSTREAM_US", "Provider 709B"),
        hop("TB-1", 2, "709B", "UPSTREAM_US", "Provider 709C"),
        hop("TB-1", 3, "709C", "ORIGINATED"),
    )
    assert [spc for spc, _, _ in found] == ["709C", "709B"]
    assert found[1][2] == "Take no more of this traffic from Provider 709C"


def test_a_point_of_entry_is_asked_to_block_and_its_downstream_to_refuse():
    found = told(hop("TB-1", 1, "709A", "UPSTREAM_US"), hop("TB-1", 2, "709B", "UPSTREAM_FOREIGN", "Far Telecom"))
    assert [(spc, can) for spc, _, can in found] == [
        ("709B", "Block the traffic at its point of entry"),
        ("709A", "Take no more of this traffic from Provider 709B"),
    ]


def test_a_silent_provider_is_named_last_and_not_as_a_source():
    found = told(hop("TB-1", 1, "709A", "UPSTREAM_US", "Provider 709B"), hop("TB-1", 2, "709B", ""))
    assert [spc for spc, _, _ in found] == ["709A", "709B"]
    assert found[-1][1] == "Named"


def test_nobody_is_asked_to_stop_what_only_the_terminating_provider_was_asked_about():
    assert told(hop("TB-1", 1, "709A", "RECORD_NOT_FOUND")) == []


def test_the_question_that_was_asked_again_is_the_one_that_counts():
    first, second = hop("TB-1", 2, "709B", "RECORD_NOT_FOUND"), hop("TB-1", 2, "709C", "ORIGINATED")
    found = told(hop("TB-1", 1, "709A", "UPSTREAM_US"), first, second)
    assert [spc for spc, _, _ in found] == ["709C", "709A"]


def test_calling_numbers_are_counted_and_carry_a_caution():
    members = tuple({"record_id": str(n), "calling": calling, "call_at": f"2026-11-2{n}"} for n, calling in enumerate(
        ["+1 202 555 0123", "+1 202 555 0124", "+1 202 555 0123", ""]))  # fmt: skip
    found = relief.numbers(specimen.material(members=members))
    assert [(row["calling"], row["reports"]) for row in found] == [("+1 202 555 0123", 2), ("+1 202 555 0124", 1)]
    assert (found[0]["first_call_at"], found[0]["last_call_at"]) == ("2026-11-20", "2026-11-22")
    assert all("spoofed" in row["caution"] for row in found)
