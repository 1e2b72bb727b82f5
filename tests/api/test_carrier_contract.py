"""The carrier API against its own description, case by case: no 5xx, no answer that is not described."""

import base64
import json
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from headwater.api import limits
from headwater.providers import actions as providers
from headwater.providers import statements
from headwater.site.secret_files import _deposit_keys, _ed25519
from tests.conftest import Browser
from tests.tracebacks.support import OPERATOR, call, opened, register

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]
DOCUMENT = "/api/agents/v1/openapi.json"
ACTIONS = {
    "/api/agents/v1/questions": "questions.read",
    "/api/agents/v1/answers": "answers.write",
    "/api/agents/v1/answers/batch": "answers.write",
    "/api/agents/v1/roots": "roots.write",
    "/api/agents/v1/receipts/{receipt_id}": "receipts.read",
    "/api/agents/v1/record": "record.read",
    "/api/agents/v1/hits": "hits.write",
    "/api/agents/v1/deposit-terms": "terms.read",
    "/api/agents/v1/deposits": "deposits.write",
}
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


@schemathesis.serializer("application/jose", "application/msgpack")
def _octets(_context: Any, value: Any) -> bytes:
    """What stands in the body is made here, case by case: none of these forms is JSON."""
    return repr(value).encode()


@pytest.fixture
def key(tmp_path: Path, settings: Any) -> Any:
    """The key of a provider with a question that waits."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / statements.RECEIPT_KEY).write_text(_ed25519())
    _deposit_keys(tmp_path / "secrets")
    settings.HEADWATER = replace(settings.HEADWATER, home=tmp_path)
    made = ECKey.generate_key("P-256")
    providers.register_key(OPERATOR, register("709A").id, made.as_dict(private=False))
    opened(call("709A"))
    return made


def bearer(key: Any, action: str, body: bytes) -> str:
    now = int(time.time())
    claims = {
        "iss": "709A", "aud": "headwater", "iat": now, "exp": now + 45, "action": action,
        "jti": base64.urlsafe_b64encode(sha256(str(time.time_ns()).encode()).digest()[:12]).decode(),
        "body_sha256": sha256(body).hexdigest(),
    }  # fmt: skip
    return f"Bearer {jwt.encode({'alg': 'ES256', 'kid': key.thumbprint()}, claims, key)}"


def test_every_described_operation_answers_as_it_is_described(key: Any) -> None:
    http = Browser("carrier")
    schema = schemathesis.openapi.from_dict(http.get(DOCUMENT).json())
    operations = [found.ok() for found in schema.get_all_operations()]
    assert {operation.path for operation in operations} >= set(ACTIONS)
    seen = {operation.path: _try(http, operation, key) for operation in operations}
    assert seen["/api/agents/v1/questions"] >= {200, 401}
    assert seen["/api/agents/v1/answers"] >= {401, 422}
    assert seen["/api/agents/v1/answers/batch"] >= {200, 401, 422}
    assert seen["/api/agents/v1/receipts/{receipt_id}"] >= {401, 404}


def _try(http: Browser, operation: Any, key: Any) -> set[int]:
    """Send cases of one operation, signed and unsigned, well formed and rubbish; return the statuses that came."""
    came: set[int] = set()
    limits.CARRIERS.start_anew()

    @settings(
        max_examples=10,
        database=None,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), signed=st.booleans(), octets=st.none() | st.binary(max_size=200))
    def run(case: Any, signed: bool, octets: bytes | None) -> None:  # noqa: FBT001 - hypothesis passes by name
        body = b""
        if operation.method.upper() == "POST":
            body = octets if octets is not None else _written(case)
        query = dict(case.query or {})
        if isinstance(query.get("wait"), int | float) and 0 <= query["wait"] <= 60:
            query["wait"] = 0  # a poll that waits would wait
        headers = {}
        if signed and operation.path in ACTIONS:
            headers["Authorization"] = bearer(key, ACTIONS[operation.path], body)
        path = case.formatted_path
        kind = case.media_type or "application/json"
        if operation.method.upper() == "POST":
            answer = http.post(path, body, content_type=kind, headers=headers)
        else:
            answer = http.get(path, query, headers=headers)
        came.add(answer.status_code)
        case.validate_response(_judged(case, path, answer), checks=CHECKS)

    run()
    return came


def _written(case: Any) -> bytes:
    """Return a case's body: as JSON where that is its form, else any octets made of it."""
    try:
        return json.dumps(case.body).encode() if case.media_type == "application/json" else repr(case.body).encode()
    except TypeError:  # what is no JSON, on purpose
        return repr(case.body).encode()


def _judged(case: Any, path: str, answer: Any) -> schemathesis.Response:
    """Return Django's answer as the library that judges it knows answers."""
    request = requests.Request(case.method, f"http://testserver{path}").prepare()
    headers = {name.lower(): [value] for name, value in answer.items()}
    return schemathesis.Response(
        status_code=answer.status_code,
        headers=headers,
        content=answer.content,
        request=request,
        elapsed=0.0,
        verify=False,
    )
