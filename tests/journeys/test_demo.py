"""The whole path, thin but real: what the demo found beside what the simulator knows to be true."""

import pytest

from tests.demo import Demo

pytestmark = [pytest.mark.journey, pytest.mark.timeout(480)]


def test_the_named_origin_is_the_true_one_and_the_package_verifies(demo: Demo) -> None:
    report = demo.report
    assert report["wrong"] == []
    assert report["ok"] is True
    assert report["found"]["grade"] == "origin_confirmed"
    assert report["found"]["package_ok"] is True


def test_the_campaign_is_found_at_its_third_call(demo: Demo) -> None:
    assert demo.report["found"]["found_at_call"] == 3


def test_the_traceback_takes_at_least_four_hops_in_under_five_seconds(demo: Demo) -> None:
    found = demo.report["found"]
    assert len(found["hops"]) >= 4
    assert found["traceback_seconds"] > 0
    if demo.load > 2:
        pytest.skip(f"other programs keep every core busy {demo.load:.1f} times over: no time measured here means much")
    assert found["traceback_seconds"] < 5


def test_the_campaign_still_rings_when_the_package_is_sealed(demo: Demo) -> None:
    assert demo.report["found"]["still_ringing"] is True


def test_the_chain_of_the_audit_is_whole_and_the_doctor_content(demo: Demo) -> None:
    assert demo.headwater("audit", "verify").returncode == 0
    doctor = demo.headwater("doctor")
    assert doctor.returncode == 0, doctor.stdout
