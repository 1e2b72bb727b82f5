"""The scene of tests/evidence, for the tests here: pytest finds a fixture by its name in this module."""

from tests.evidence.conftest import custodian_key, home, package, scene, served

__all__ = ["custodian_key", "home", "package", "scene", "served"]
