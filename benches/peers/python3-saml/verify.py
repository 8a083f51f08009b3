"""Verifies the benchmark's documents with python3-saml.

    verify.py FOLDER     prints JSON: case → microseconds of processor time per response, or why it is refused
"""

import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils

FOLDER = Path(sys.argv[1])
META = json.loads((FOLDER / "meta.json").read_text())
ACS = urlsplit(META["acs"])
REQUEST = {"https": "on", "http_host": ACS.netloc, "script_name": ACS.path, "get_data": {}, "post_data": {}}
SECONDS = 1.0

OneLogin_Saml2_Utils.now = staticmethod(lambda: META["now"])


def settings(certificate: str) -> OneLogin_Saml2_Settings:
    post = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
    return OneLogin_Saml2_Settings(
        {
            "strict": True,
            "sp": {
                "entityId": META["spEntityId"],
                "assertionConsumerService": {"url": META["acs"], "binding": post},
                "x509cert": (FOLDER / "sp.crt.pem").read_text(),
                "privateKey": (FOLDER / "sp.key.pem").read_text(),
            },
            "idp": {
                "entityId": META["idpEntityId"],
                "singleSignOnService": {"url": "https://idp.hospital.example/sso"},
                "x509cert": certificate,
            },
            "security": {"rejectDeprecatedAlgorithm": True},
        }
    )


def verify(config: OneLogin_Saml2_Settings, document: str) -> tuple:
    response = OneLogin_Saml2_Response(config, document)
    response.is_valid(REQUEST, request_id=META["inResponseTo"], raise_exceptions=True)
    return response.get_nameid(), response.get_attributes()


def measure(file: str) -> float | str:
    config = settings((FOLDER / f"{file}.crt").read_text())
    document = (FOLDER / f"{file}.b64").read_text()
    try:
        name, attributes = verify(config, document)
    except Exception as error:
        return str(error)
    assert name and attributes
    count, began = 0, time.process_time()
    while time.process_time() - began < SECONDS:
        verify(config, document)
        count += 1
    return (time.process_time() - began) * 1e6 / count


print(json.dumps({case["name"]: measure(case["file"]) for case in META["cases"]}))
