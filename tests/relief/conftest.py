"""The scene and the keys of the evidence room: relief reads back whether what they prove had an effect."""

import pytest

from headwater.accounts.actors import Actor
from headwater.evidence.models import Package
from headwater.evidence.seal import seal
from tests.evidence import conftest as evidence
from tests.evidence.scenery import Scene

home = evidence.home
custodian_key = evidence.custodian_key
scene = evidence.scene


@pytest.fixture
def package(scene: Scene, agency: Actor, reviewer: Actor) -> Package:
    """A sealed package of the Michigan agency."""
    package_id = evidence.accept(reviewer, evidence.serve(scene, agency))
    seal(package_id)
    return Package.objects.get(id=package_id)
