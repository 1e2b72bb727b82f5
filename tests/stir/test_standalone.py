"""The room stands alone: no framework, no database, and every public name says which document it serves."""

import inspect
import re
import subprocess
import sys

from headwater import stir


def test_the_room_is_imported_without_framework_database_or_network_code():
    code = (
        "import sys, headwater.stir\n"
        "heavy = {'django', 'psycopg', 'chdb', 'procrastinate', 'httpx', 'asyncio', 'ssl', 'http.client', 'socket'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_the_example_in_the_room_s_docstring_works(tmp_path):
    import time

    from cryptography.hazmat.primitives.serialization import Encoding

    from headwater.stir.sign import make_identity, make_token
    from tests.stir.pki import X5U, Pki, claims

    now = int(time.time())
    pki = Pki(at=now)
    pem = Encoding.PEM
    (tmp_path / "signer.pem").write_bytes(pki.leaf.issued.public_bytes(pem) + pki.authority.issued.public_bytes(pem))
    (tmp_path / "approved.pem").write_bytes(pki.root.issued.public_bytes(pem))
    example = inspect.cleandoc(str(stir.__doc__)).partition("::\n")[2].partition("\nThe names below")[0]
    code = inspect.cleandoc("\n" + example).replace('Path("', f'Path("{tmp_path}/')
    names = {"identity_header": make_identity(make_token(pki.leaf.key, claims(iat=now), x5u=X5U), x5u=X5U), "now": now}
    exec(compile(code, "example", "exec"), names)  # noqa: S102 - our own docstring
    assert names["verdict"].result == "valid"


def test_every_public_name_says_what_it_is_and_by_which_document():
    undocumented = []
    for name in stir.__all__:
        thing = getattr(stir, name)
        text = inspect.getdoc(thing) or ""
        if name != "CertificateSource" and not re.search(r"\b(RFC \d{4}|ATIS-\d{7}|3GPP TS)", text):
            undocumented.append(name)
    assert undocumented == []


def test_every_room_s_module_is_reached_from_the_public_names_or_named_in_the_docstring():
    assert "headwater.stir.fetch.CertificateFetcher" in str(stir.__doc__)
    assert sorted(stir.__all__) == list(stir.__all__)
