"""A real OpenID Connect provider for tests, as its maker ships it (oidc-provider-mock), a process on loopback."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx


@contextmanager
def running(*users: dict[str, Any]) -> Iterator[str]:
    """Let a provider that knows ``users`` (claims with ``sub``) run; yield its issuer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [word for user in users for word in ("--user-claims", json.dumps(user))]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                found = httpx.get(f"{address}/.well-known/openid-configuration", trust_env=False).json()
                break
            except httpx.TransportError:
                assert process.poll() is None
                time.sleep(0.1)
        yield str(found["issuer"])
    finally:
        process.terminate()
        process.wait(20)
