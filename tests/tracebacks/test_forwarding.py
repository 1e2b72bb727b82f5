"""A trace forward as the desk runs it: opened, answered, corrected, lapsed, and each step in the audit."""

from datetime import timedelta

import pytest
from typer.testing import CliRunner

from headwater import clock
from headwater.accounts.actors import system
from headwater.audit.models import AuditEntry
from headwater.cli.main import build as command_line
from headwater.errors import Invalid, NotFound
from headwater.tracebacks import forwarding
from headwater.tracebacks.forward import ForwardAnswerError, ForwardError, ForwardGrade, ForwardState
from headwater.tracebacks.trace import Party
from headwater.wire.forward import ForwardCode
from tests.tracebacks.support import register

pytestmark = pytest.mark.django_db
DESK = system("operator")
NUMBER = "18005550142"


def opened(*spcs: str) -> str:
    return forwarding.open_forward(DESK, NUMBER, pointers=dict.fromkeys(spcs, "the responsible organisation"))


def tags(forward_id: str) -> list[str]:
    return list(AuditEntry.objects.filter(subject=forward_id).order_by("seq").values_list("tag", flat=True))


def test_a_number_is_followed_to_who_serves_it_and_every_step_is_audited() -> None:
    register("ALDER"), register("BIRCH")
    one = opened("ALDER")
    forwarding.record_forward_answer(
        DESK, one, spc="ALDER", code=ForwardCode.PORTED, names=Party(spc="BIRCH", name="Birch"), document="letter 7"
    )
    trace = forwarding.record_forward_answer(DESK, one, spc="BIRCH", code=ForwardCode.SERVES)
    assert trace.grade is ForwardGrade.SERVER_CONFIRMED
    view = forwarding.forward_of(DESK, one)
    assert view.trace == trace, "the stored events fold to the same"
    assert view.closed_at is not None
    assert tags(one) == [
        "forward:trace:opened",
        "forward:answer:recorded",
        "forward:answer:recorded",
        "forward:trace:viewed",
    ]


def test_silence_is_noticed_when_its_due_time_passes_and_once() -> None:
    register("ALDER")
    one = opened("ALDER")
    assert forwarding.pass_due() == 0
    later = clock.now() + timedelta(days=8)
    assert forwarding.pass_due(now=later) == 1
    assert forwarding.pass_due(now=later) == 0
    assert forwarding.forward_of(DESK, one).trace.state is ForwardState.ENDED_NON_RESPONSIVE


def test_what_is_refused_changes_nothing() -> None:
    register("ALDER"), register("BIRCH")
    one = opened("ALDER")
    with pytest.raises(ForwardAnswerError):
        forwarding.record_forward_answer(DESK, one, spc="ALDER", code=ForwardCode.PORTED)
    with pytest.raises(ForwardError, match="never asked"):
        forwarding.record_forward_answer(DESK, one, spc="BIRCH", code=ForwardCode.SERVES)
    with pytest.raises(Invalid, match="no register"):
        forwarding.record_forward_answer(DESK, one, spc="NOBODY", code=ForwardCode.SERVES)
    with pytest.raises(Invalid, match="reason"):
        forwarding.cancel_forward(DESK, one, " ")
    with pytest.raises(NotFound):
        forwarding.cancel_forward(DESK, "TF-NONE", "wrong")
    with pytest.raises(Invalid, match="telephone number"):
        forwarding.open_forward(DESK, "no number")
    assert tags(one) == ["forward:trace:opened"]


def test_the_command_line_runs_one_from_beginning_to_end() -> None:
    register("ALDER")
    words = ["forward", "open", NUMBER, "--ask", "ALDER=responsible organisation"]
    begun = CliRunner().invoke(command_line(words), words)
    assert begun.exit_code == 0, begun.output
    one = begun.output.split()[0]
    words = ["forward", "answer", one, "ALDER", "SERVES", "--document", "mail of May 4"]
    done = CliRunner().invoke(command_line(words), words)
    assert "Serving provider confirmed" in done.output
    assert "mail of May 4" in done.output
    for words in (["forward", "list"], ["forward", "show", one]):
        assert one in CliRunner().invoke(command_line(words), words).output
