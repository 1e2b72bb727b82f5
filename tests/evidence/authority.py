"""A time-stamp authority for tests: ``openssl ts`` behind a loopback HTTP server, with a root of its own."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

CONFIG = """\
[tsa]
default_tsa = t
[t]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


class Authority:
    """One authority in one folder; ``misbehave`` gives what it answers instead of a time stamp."""

    def __init__(self, folder: Path, *, ec: bool = False) -> None:
        self.folder = folder
        self.root = folder / "ca.pem"
        self.url = ""
        self.asked = 0
        self.misbehave: tuple[int, bytes] | None = None
        kind = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if ec else ["rsa:2048"]
        new = ["req", "-newkey", *kind, "-nodes"]
        self._openssl(*new, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test root", "-days", "30")
        self._openssl(*new, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Test time-stamp authority")
        (folder / "ext").write_text("extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n")
        signer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "ext"]
        self._openssl("x509", "-req", "-in", "tsa.csr", "-out", "tsa.pem", *signer)
        (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def answer(self, query: bytes) -> bytes:
        """Return the response to a request."""
        (self.folder / "query").write_bytes(query)
        who = ["-signer", "tsa.pem", "-inkey", "tsa.key"]
        self._openssl(
            "ts", "-reply", "-config", "tsa.cnf", "-section", "t", "-queryfile", "query", *who, "-out", "answer"
        )
        return (self.folder / "answer").read_bytes()


@contextmanager
def serving(authority: Authority) -> Iterator[Authority]:
    """Let ``authority`` answer at ``authority.url``."""

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["content-length"]))
            authority.asked += 1
            status, body = authority.misbehave or (200, authority.answer(query))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.send_header("location", "http://127.0.0.1:9/")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    authority.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield authority
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
