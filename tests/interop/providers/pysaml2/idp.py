"""pysaml2 as identity provider of the interoperability tests.

    idp.py PORT FOLDER DIRECTORY

FOLDER holds the key pair and `service-providers/*.xml`; DIRECTORY is the JSON file of people. Only signed
requests of known service providers are answered. The login page keeps nothing: the request rides in the form.
"""

import hashlib
import html
import json
import logging
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.saml import NAME_FORMAT_BASIC, NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.sigver import get_xmlsec_binary
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

PORT, FOLDER, DIRECTORY = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
URL = f"http://127.0.0.1:{PORT}"
PASSWORD_OVER_TLS = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"

LOGIN_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>pysaml2: sign in</title>
<h1>Sign in</h1><p role="alert">{problem}</p>
<form method="post" action="/login">{hidden}
<label>User name <input name="username" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button>Sign in</button></form></html>"""


def server() -> Server:
    """The IdP with every service provider known by now; metadata may have come since the last request."""
    known = sorted(str(path) for path in FOLDER.glob("service-providers/*.xml"))
    configuration = {
        "entityid": f"{URL}/metadata",
        "xmlsec_binary": get_xmlsec_binary(),
        "key_file": str(FOLDER / "pysaml2.key"),
        "cert_file": str(FOLDER / "pysaml2.crt"),
        "metadata": {"local": known} if known else {},
        "service": {
            "idp": {
                "endpoints": {
                    "single_sign_on_service": [
                        (f"{URL}/sso", BINDING_HTTP_REDIRECT),
                        (f"{URL}/sso", BINDING_HTTP_POST),
                    ]
                },
                "want_authn_requests_signed": True,
                "sign_assertion": True,
                "sign_response": False,
                "name_id_format": [NAMEID_FORMAT_PERSISTENT],
                "policy": {"default": {"lifetime": {"minutes": 5}, "name_form": NAME_FORMAT_BASIC}},
            }
        },
    }
    return Server(config=IdPConfig().load(configuration))


def find(username: str, password: str) -> dict | None:
    people = json.loads(DIRECTORY.read_text())
    return next((p for p in people if (p["username"], p["password"]) == (username, password)), None)


def persistent_name(person: dict, service_provider: str) -> NameID:
    """Opaque, and another one towards every service provider (SAML Core 8.3.7)."""
    digest = hashlib.sha256(f"{service_provider} {person['username']}".encode()).hexdigest()
    return NameID(
        format=NAMEID_FORMAT_PERSISTENT,
        name_qualifier=f"{URL}/metadata",
        sp_name_qualifier=service_provider,
        text=digest,
    )


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/metadata":
            self.answer(200, str(server_metadata()), "application/samlmetadata+xml")
        elif address.path == "/sso":
            self.show_login(fields(address.query), BINDING_HTTP_REDIRECT)
        else:
            self.answer(404, "not found")

    def do_POST(self) -> None:
        form = fields(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        if self.path == "/sso":
            self.show_login(form, BINDING_HTTP_POST)
        elif self.path == "/login":
            self.sign_in(form)
        else:
            self.answer(404, "not found")

    def show_login(self, message: dict, binding: str, problem: str = "") -> None:
        if self.read_request(server(), message, binding) is None:
            return
        kept = {**message, "binding": binding}
        hidden = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in kept.items()
        )
        self.answer(200, LOGIN_PAGE.format(problem=html.escape(problem), hidden=hidden))

    def sign_in(self, form: dict) -> None:
        binding = form.pop("binding")
        person = find(form.pop("username"), form.pop("password"))
        if person is None:
            return self.show_login(form, binding, "Wrong user name or password.")
        idp = server()
        request = self.read_request(idp, form, binding)
        if request is None:
            return None
        answer = idp.response_args(request)
        response = idp.create_authn_response(
            identity={
                "username": person["username"],
                "givenName": person["givenName"],
                "sn": person["familyName"],
                "mail": person["email"],
                "groups": person["groups"],
            },
            userid=person["username"],
            name_id=persistent_name(person, answer["sp_entity_id"]),
            authn={"class_ref": PASSWORD_OVER_TLS, "authn_auth": URL},
            sign_alg=SIG_RSA_SHA256,  # left alone, it takes SHA-1
            digest_alg=DIGEST_SHA256,
            **answer,
        )
        page = idp.apply_binding(
            answer["binding"], str(response), answer["destination"], form.get("RelayState", ""), response=True
        )
        return self.answer(200, page["data"])

    def read_request(self, idp: Server, message: dict, binding: str):
        """The request, its signature checked; `None` when it was refused and that was said."""
        try:
            if binding == BINDING_HTTP_REDIRECT and "Signature" not in message:
                raise ValueError("the request is not signed")
            return idp.parse_authn_request(
                message["SAMLRequest"],
                binding,
                relay_state=message.get("RelayState"),
                sigalg=message.get("SigAlg"),
                signature=message.get("Signature"),
            ).message
        except Exception as error:  # whatever pysaml2 has against it
            logging.exception("request refused")
            self.answer(400, f"<h1>Request refused</h1><p>{html.escape(repr(error))}</p>")
            return None

    def answer(self, status: int, body: str, content_type: str = "text/html; charset=utf-8") -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(data)


def server_metadata():
    from saml2.metadata import entity_descriptor

    return entity_descriptor(server().config)


def fields(text: str) -> dict:
    return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    ThreadingHTTPServer(("127.0.0.1", PORT), Page).serve_forever()
