"""A real SAML identity provider for tests: pysaml2 makes the messages, libxmlsec signs them.

What verifies in the product is another library (signxml): a mistake that both shared would have to be made twice.
"""

import base64
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from lxml import etree

with warnings.catch_warnings():
    # pysaml2 names a mode of encryption by its old place as it is loaded; it is not used here.
    warnings.simplefilter("ignore")
    from saml2 import BINDING_HTTP_REDIRECT
    from saml2.config import IdPConfig
    from saml2.metadata import create_metadata_string
    from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
    from saml2.server import Server
    from saml2.sigver import CryptoBackend

ISSUER = "https://idp.michigan.gov/metadata"
SIGN_IN = "https://idp.michigan.gov/sso"
PASSWORD_CONTEXT = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
MFA_CONTEXT = "https://refeds.org/profile/mfa"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
DS = "{http://www.w3.org/2000/09/xmldsig#}"


class LibXmlSec(CryptoBackend):
    """pysaml2's signing by libxmlsec in this process, so that no binary need be installed."""

    version = xmlsec.__version__

    def sign_statement(self, statement: Any, node_name: str, key_file: str, node_id: str) -> str:  # noqa: ARG002 - pysaml2\'s signature
        """Sign the element of ``node_id`` where pysaml2 has put the template of its signature."""
        root = etree.fromstring(statement if isinstance(statement, bytes) else str(statement).encode())
        for element in root.iter():
            if element.get("ID"):
                xmlsec.tree.add_ids(element, ["ID"])
        target = next(element for element in root.iter() if element.get("ID") == node_id)
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_file(key_file, xmlsec.KeyFormat.PEM)
        context.sign(target.find(f"{DS}Signature"))
        return etree.tostring(root).decode()


class Provider:
    """The identity provider of one agency, with a key of its own."""

    def __init__(self, folder: Path, *, sign_in: str = SIGN_IN) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.certificate = _key_and_certificate(folder)
        self._config = {
            "entityid": ISSUER,
            "key_file": str(folder / "key.pem"),
            "cert_file": str(folder / "cert.pem"),
            "crypto_backend": "XMLSecurity",
            "service": {
                "idp": {
                    "endpoints": {"single_sign_on_service": [(sign_in, BINDING_HTTP_REDIRECT)]},
                    "policy": {"default": {"lifetime": {"minutes": 5}, "attribute_restrictions": None}},
                }
            },
        }

    @property
    def metadata(self) -> str:
        """The provider's own metadata, as its administrators hand it out."""
        config = IdPConfig().load(self._config)
        return str(create_metadata_string(None, config=config, sign=False).decode())

    def answer(
        self,
        address: str,
        sp_metadata: str,
        *,
        email: str = "owen@michigan.gov",
        subject: str = "u-1017",
        sign_response: bool = False,
        sign_assertion: bool = True,
        context: str = PASSWORD_CONTEXT,
        acs: str = "",
        audience: str = "",
        in_response_to: str | None = None,
    ) -> str:
        """Answer the request in ``address`` (where our product sent the browser); return ``SAMLResponse``."""
        (self._folder / "sp.xml").write_text(sp_metadata)
        config = IdPConfig().load({**self._config, "metadata": {"local": [str(self._folder / "sp.xml")]}})
        server = Server(config=config)
        server.sec.crypto = LibXmlSec()
        # The provider reads our request with its own parser: it must be one.
        sent = parse_qs(urlsplit(address).query)["SAMLRequest"][0]
        asked = server.parse_authn_request(sent, BINDING_HTTP_REDIRECT).message
        response = server.create_authn_response(
            {"mail": [email]},
            asked.id if in_response_to is None else in_response_to,
            acs or asked.assertion_consumer_service_url,
            audience or asked.issuer.text,
            name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text=subject),
            authn={"class_ref": context, "authn_auth": ISSUER},
            sign_response=sign_response,
            sign_assertion=sign_assertion,
            sign_alg=RSA_SHA256,
            digest_alg=SHA256,
        )
        return base64.b64encode(str(response).encode()).decode()


def _key_and_certificate(folder: Path) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.michigan.gov")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pem = certificate.public_bytes(Encoding.PEM)
    (folder / "cert.pem").write_bytes(pem)
    return pem.decode()
