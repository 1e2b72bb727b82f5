import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.agent.journal import Journal, JournalDamaged
from headwater.errors import Conflict


@pytest.fixture
def path(tmp_path):
    return tmp_path / "709J" / "answers.jsonl"


def filled(path, answers=3, receipts=1):
    journal = Journal(path)
    for number in range(answers):
        journal.answered(question_id=f"Q-{number}", jws=f"signed-{number}", code="NOT_OURS")
    for number in range(receipts):
        journal.receipt(question_id=f"Q-{number}", receipt_id="RC")
    return journal


def test_an_answer_is_found_again_with_its_octets_after_reopening(path):
    filled(path).close()
    journal = Journal(path)
    assert [journal.answer(f"Q-{number}").jws for number in range(3)] == ["signed-0", "signed-1", "signed-2"]
    assert journal.answer("Q-9") is None
    assert journal.unsettled() == ["Q-1", "Q-2"]
    journal.close()


def test_a_question_is_answered_once(path):
    journal = filled(path)
    with pytest.raises(Conflict, match="Q-1"):
        journal.answered(question_id="Q-1", jws="other words")
    assert journal.answer("Q-1").jws == "signed-1"
    journal.close()


def test_two_agents_cannot_write_one_journal(path):
    journal = filled(path)
    with pytest.raises(Conflict, match="another agent"):
        Journal(path)
    journal.close()


def test_a_line_torn_by_a_crash_is_cut_off_and_the_rest_stands(path):
    filled(path).close()
    whole = path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for end in (last + 1, last + 40, len(whole) - 1):
        path.write_bytes(whole[:end])
        journal = Journal(path)
        assert journal.unsettled() == ["Q-0", "Q-1", "Q-2"]
        journal.receipt(question_id="Q-2", receipt_id="RC")
        journal.close()
        Journal(path).close()


@given(st.data())
def test_no_line_can_be_changed_dropped_or_moved_unnoticed(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("journal") / "answers.jsonl"
    filled(path, receipts=2).close()
    lines = path.read_bytes().splitlines(keepends=True)
    how = data.draw(st.sampled_from(["change", "drop", "move"]))
    place = data.draw(st.integers(0, len(lines) - 2))  # the last line has no follower that would tell
    if how == "change":
        entry = json.loads(lines[place])
        entry["question_id"] += "x"
        lines[place] = json.dumps(entry).encode() + b"\n"
    elif how == "drop":
        del lines[place]
    else:
        lines[place], lines[place + 1] = lines[place + 1], lines[place]
    path.write_bytes(b"".join(lines))
    with pytest.raises(JournalDamaged, match="line"):
        Journal(path)


def test_a_damaged_journal_is_not_left_locked(path):
    filled(path).close()
    whole = path.read_bytes()
    path.write_bytes(b"rubbish\n" + whole)
    with pytest.raises(JournalDamaged):
        Journal(path)
    path.write_bytes(whole)
    Journal(path).close()


def test_the_file_is_for_the_operator_alone(path):
    filled(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
