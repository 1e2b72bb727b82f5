"""The call store of the traceback tests serves here, too."""

from tests.tracebacks.conftest import call_store, keep

__all__ = ["call_store", "keep"]
