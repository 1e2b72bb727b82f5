"""Neutral events for tests."""

import json
from typing import Any

DATA: dict[str, Any] = {
    "call_at": "2026-11-24T15:04:05Z",
    "calling": {"raw": "(215) 555-0100"},
    "called": {"e164": "+13105550111"},
}


def envelope(**changes: Any) -> dict[str, Any]:
    whole = {
        "specversion": "1.0",
        "id": "n1",
        "source": "https://app.example/reports",
        "type": "call.reported",
        "data": DATA,
    }
    return {name: value for name, value in (whole | changes).items() if value is not ...}


def octets(**changes: Any) -> bytes:
    return json.dumps(envelope(**changes)).encode()


def with_data(**changes: Any) -> bytes:
    data = {name: value for name, value in (DATA | changes).items() if value is not ...}
    return octets(data=data, type=changes.pop("type_", "call.reported"))
