"""Share the tests out among workers (``make test``), a file at a time, so that what a file sets up is set up once.

What uses the one running demo of a run stays on one worker: else each worker would start its own. A plugin named in
pyproject.toml.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

#: Where tests take the ``demo`` fixture.
ON_THE_DEMO = ("tests/browser/", "tests/journeys/test_demo.py", "tests/journeys/test_demo_run.py")


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist carries no types
    """Work units are files, but for those that use the demo: these are one."""

    def _split_scope(self, nodeid: str) -> str:
        return "the demo" if nodeid.startswith(ON_THE_DEMO) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Take this scheduler in place of xdist's own."""
    return ByFile(config, log)
