"""A service provider that is not Medict, to try the SAML identity providers on their own.

    sample_sp.py FOLDER prepare IDP_METADATA   prints its metadata, and addresses to send browsers to: signed, again, unsigned
    sample_sp.py FOLDER read IDP_METADATA      reads a SAMLResponse from stdin, prints who it is

FOLDER holds the key pair `sample-sp`.
"""

import json
import sys
from pathlib import Path

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.metadata import entity_descriptor
from saml2.sigver import get_xmlsec_binary
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

FOLDER, COMMAND = Path(sys.argv[1]), sys.argv[2]
URL = "http://localhost:9/sample-sp"  # nobody listens there: the tests catch the answer in the browser


def configuration(idp_metadata: list[str]) -> SPConfig:
    return SPConfig().load(
        {
            "entityid": f"{URL}/metadata",
            "xmlsec_binary": get_xmlsec_binary(),
            "key_file": str(FOLDER / "sample-sp.key"),
            "cert_file": str(FOLDER / "sample-sp.crt"),
            "signing_algorithm": SIG_RSA_SHA256,
            "digest_algorithm": DIGEST_SHA256,
            "allow_unknown_attributes": True,
            "metadata": {"local": idp_metadata} if idp_metadata else {},
            "service": {
                "sp": {
                    "endpoints": {"assertion_consumer_service": [(f"{URL}/acs", BINDING_HTTP_POST)]},
                    "authn_requests_signed": True,
                    "want_assertions_signed": False,
                    "want_response_signed": False,
                    "want_assertions_or_response_signed": True,
                    "allow_unsolicited": True,
                }
            },
        }
    )


def request(client: Saml2Client, signed: bool) -> str:
    sigalg = SIG_RSA_SHA256 if signed else None
    _, request = client.prepare_for_authenticate(
        relay_state="state", binding=BINDING_HTTP_REDIRECT, sign=signed, sigalg=sigalg
    )
    return dict(request["headers"])["Location"]


if COMMAND == "prepare":
    client = Saml2Client(config=configuration([sys.argv[3]]))
    requests = {name: request(client, name != "unsigned") for name in ("signed", "again", "unsigned")}
    print(json.dumps({"metadata": str(entity_descriptor(configuration([]))), **requests}))
elif COMMAND == "read":
    client = Saml2Client(config=configuration([sys.argv[3]]))
    response = client.parse_authn_request_response(sys.stdin.read(), BINDING_HTTP_POST)
    print(json.dumps({"subject": response.name_id.text, "attributes": response.ava}))
