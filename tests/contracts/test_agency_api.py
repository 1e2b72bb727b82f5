"""The agency API held against its own description: no answer that is not described, and none of our faults."""

import warnings
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from headwater.accounts import credentials
from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.permissions import Scope
from tests.conftest import Browser
from tests.evidence.conftest import home, scene
from tests.evidence.scenery import Scene

__all__ = ["home", "scene"]
pytestmark = pytest.mark.django_db
EXAMPLES = 6
CHECKS = [
    checks.not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
]  # fmt: skip


@pytest.fixture
def described(operator: Actor, scene: Scene, agency_user: User) -> Any:
    """The API's description, and a credential that opens it."""
    _, token = credentials.issue(
        operator, organisation_id=agency_user.organisation_id, scopes=[Scope.PROCESS], name="fuzzer"
    )
    # The test's transaction lives on its connection, which the end of a request would close.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        with Browser("portal").settings():
            schema = schemathesis.openapi.from_wsgi("/api/agencies/v1/openapi.json", WSGIHandler())
            yield schema, {"Authorization": f"Bearer {token}"}
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


def test_every_operation_answers_as_described_whatever_it_is_sent(described: Any):
    schema, headers = described
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        for strategy in (
            operation.as_strategy(),
            operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE),
        ):
            tried += _try(strategy, headers)
    assert tried >= EXAMPLES * 5


def _try(strategy: st.SearchStrategy[Any], headers: dict[str, str]) -> int:
    seen = []

    @settings(
        max_examples=EXAMPLES,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def each(case: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seen.append(case.call_and_validate(headers=headers, checks=CHECKS))

    each()
    return len(seen)
