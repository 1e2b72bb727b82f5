"""The two tables that every change of state is looked up in, and nothing else. Pure.

An illegal pair raises and changes nothing; docs/reference/traceback-engine.md is drawn from these tables.
"""

from enum import StrEnum

from headwater.errors import Conflict
from headwater.tracebacks.states import HopState, TracebackState


class TracebackError(Conflict):
    """The question does not stand, or the event does not fit the state: the mistake is on our side."""


class Move(StrEnum):
    """What can happen to a traceback."""

    ASK = "ask"
    FIND_ORIGIN = "find_origin"
    REACH_BORDER = "reach_border"
    MISS_RECORD = "miss_record"
    MISS_RESPONSE = "miss_response"
    MISS_PROVIDER = "miss_provider"
    MEET_DISPUTE = "meet_dispute"
    CANCEL = "cancel"
    REOPEN = "reopen"


class HopMove(StrEnum):
    """What can happen to a hop."""

    VIEW = "view"
    ANSWER = "answer"
    NEED_INFO = "need_info"
    DISPUTE = "dispute"
    RESOLVE = "resolve"
    PASS_PLATFORM_TARGET = "pass_platform_target"  # noqa: S105 - a move, not a secret
    PASS_LEGAL_DUE = "pass_legal_due"  # noqa: S105 - a move, not a secret
    PASS_FINAL_DUE = "pass_final_due"  # noqa: S105 - a move, not a secret


_S, _H, _M = TracebackState, HopState, HopMove
_ENDINGS: dict[Move, TracebackState] = {
    Move.FIND_ORIGIN: _S.COMPLETED_ORIGINATING,
    Move.REACH_BORDER: _S.ENDED_FOREIGN,
    Move.MISS_RECORD: _S.ENDED_RECORD_NOT_FOUND,
    Move.MISS_RESPONSE: _S.ENDED_NON_RESPONSIVE,
    Move.MISS_PROVIDER: _S.ENDED_UNREACHABLE,
    Move.MEET_DISPUTE: _S.ENDED_DISPUTED,
}
#: An ended traceback goes on when a late answer or a correction comes: it asks again or ends otherwise.
_AGAIN: dict[Move, TracebackState] = {Move.ASK: _S.IN_PROGRESS, Move.REOPEN: _S.IN_PROGRESS, **_ENDINGS}

TRACEBACK_TRANSITIONS: dict[TracebackState, dict[Move, TracebackState]] = {
    _S.SUBMITTED: {Move.ASK: _S.IN_PROGRESS},
    _S.IN_PROGRESS: {Move.ASK: _S.IN_PROGRESS, **_ENDINGS, Move.CANCEL: _S.CANCELLED},
    **dict.fromkeys(_ENDINGS.values(), _AGAIN),
    _S.CANCELLED: {Move.REOPEN: _S.IN_PROGRESS},
}

_ANSWERS: dict[HopMove, HopState] = {_M.ANSWER: _H.ANSWERED, _M.NEED_INFO: _H.NEEDS_INFO}
_ANSWERS_LATE: dict[HopMove, HopState] = {_M.ANSWER: _H.ANSWERED_LATE, _M.NEED_INFO: _H.NEEDS_INFO}

HOP_TRANSITIONS: dict[HopState, dict[HopMove, HopState]] = {
    _H.NOTIFIED: {
        **_ANSWERS,
        _M.VIEW: _H.VIEWED,
        _M.PASS_PLATFORM_TARGET: _H.NOTIFIED,
        _M.PASS_LEGAL_DUE: _H.OVERDUE,
    },
    _H.VIEWED: {**_ANSWERS, _M.VIEW: _H.VIEWED, _M.PASS_PLATFORM_TARGET: _H.VIEWED, _M.PASS_LEGAL_DUE: _H.OVERDUE},
    _H.ANSWERED: {**_ANSWERS, _M.VIEW: _H.ANSWERED, _M.DISPUTE: _H.DISPUTED},
    _H.NEEDS_INFO: {**_ANSWERS, _M.VIEW: _H.NEEDS_INFO},
    _H.DISPUTED: {**_ANSWERS, _M.VIEW: _H.DISPUTED, _M.DISPUTE: _H.DISPUTED, _M.RESOLVE: _H.ANSWERED},
    _H.OVERDUE: {**_ANSWERS_LATE, _M.VIEW: _H.OVERDUE, _M.PASS_FINAL_DUE: _H.NON_RESPONSIVE},
    _H.NON_RESPONSIVE: {**_ANSWERS_LATE, _M.VIEW: _H.NON_RESPONSIVE},
    _H.ANSWERED_LATE: {**_ANSWERS_LATE, _M.VIEW: _H.ANSWERED_LATE, _M.DISPUTE: _H.DISPUTED},
}


def move(state: TracebackState, by: Move) -> TracebackState:
    """Look one pair up in the table of tracebacks."""
    try:
        return TRACEBACK_TRANSITIONS[state][by]
    except KeyError:
        raise TracebackError(f"a traceback that is {state.value!r} cannot {by.value!r}") from None


def move_hop(state: HopState, by: HopMove) -> HopState:
    """Look one pair up in the table of hops."""
    try:
        return HOP_TRANSITIONS[state][by]
    except KeyError:
        raise TracebackError(f"a hop that is {state.value!r} cannot {by.value!r}") from None
