"""pysaml2 as identity provider of the interoperability tests.

    idp.py PORT FOLDER DIRECTORY

FOLDER holds the key pair and `service-providers/*.xml`; DIRECTORY is the JSON file of people. Only signed
requests of known service providers are answered. The login page keeps nothing: the request rides in the form. A
cookie names the session, which remembers whom to tell when its person signs out.
"""

import hashlib
import html
import json
import logging
import secrets
import sys
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.saml import NAME_FORMAT_BASIC, NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.sigver import get_pem_wrapped_unwrapped, get_xmlsec_binary, make_temp, pre_encryption_part
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


AES256_GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"


class GcmServer(Server):
    """By itself pysaml2 asks xmlsec1 for triple DES and nothing else; here it asks for AES-256-GCM under RSA-OAEP."""

    def _encrypt_assertion(self, encrypt_cert, sp_entity_id, response, node_xpath=None):
        _, certificate = self.metadata.certs(sp_entity_id, "any", "encryption")[0]
        wrapped, bare = get_pem_wrapped_unwrapped(certificate)
        file = make_temp(wrapped.encode(), decode=False)
        template = pre_encryption_part(msg_enc=AES256_GCM, encrypt_cert=bare)
        return self.sec.encrypt_assertion(response, file.name, template, key_type="aes-256", node_xpath=node_xpath)


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
                    ],
                    "single_logout_service": [
                        (f"{URL}/slo", BINDING_HTTP_REDIRECT),
                        (f"{URL}/slo", BINDING_HTTP_POST),
                    ],
                },
                "want_authn_requests_signed": True,
                "logout_requests_signed": True,
                "sign_assertion": True,
                "sign_response": False,
                "name_id_format": [NAMEID_FORMAT_PERSISTENT],
                "policy": {"default": {"lifetime": {"minutes": 5}, "name_form": NAME_FORMAT_BASIC}},
            }
        },
    }
    return GcmServer(config=IdPConfig().load(configuration))


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


SIGNED = {"sign": True, "sign_alg": SIG_RSA_SHA256, "digest_alg": DIGEST_SHA256}


class Session:
    def __init__(self, person: dict) -> None:
        self.person = person
        self.cookie = secrets.token_hex(16)
        self.participants: list[tuple[str, NameID]] = []
        """The service providers that know the person, and under which name."""


SESSIONS: dict[str, Session] = {}


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/metadata":
            self.answer(200, str(server_metadata()), "application/samlmetadata+xml")
        elif address.path == "/sso":
            self.show_login(fields(address.query), BINDING_HTTP_REDIRECT)
        elif address.path == "/slo":
            self.log_out(fields(address.query), BINDING_HTTP_REDIRECT)
        else:
            self.answer(404, "not found")

    def do_POST(self) -> None:
        form = fields(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        if self.path == "/sso":
            self.show_login(form, BINDING_HTTP_POST)
        elif self.path == "/slo":
            self.log_out(form, BINDING_HTTP_POST)
        elif self.path == "/login":
            self.sign_in(form)
        else:
            self.answer(404, "not found")

    def show_login(self, message: dict, binding: str, problem: str = "") -> None:
        idp = server()
        request = self.read_request(idp, message, binding)
        if request is None:
            return None
        session = SESSIONS.get(self.cookie())
        if session is not None:
            return self.respond(idp, request, session, message.get("RelayState", ""))
        kept = {**message, "binding": binding}
        hidden = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in kept.items()
        )
        return self.answer(200, LOGIN_PAGE.format(problem=html.escape(problem), hidden=hidden))

    def sign_in(self, form: dict) -> None:
        binding = form.pop("binding")
        person = find(form.pop("username"), form.pop("password"))
        if person is None:
            return self.show_login(form, binding, "Wrong user name or password.")
        idp = server()
        request = self.read_request(idp, form, binding)
        if request is None:
            return None
        return self.respond(idp, request, Session(person), form.get("RelayState", ""))

    def respond(self, idp: Server, request, session: Session, relay_state: str) -> None:
        answer, person = idp.response_args(request), session.person
        name_id = persistent_name(person, answer["sp_entity_id"])
        response = idp.create_authn_response(
            identity={
                "username": person["username"],
                "givenName": person["givenName"],
                "sn": person["familyName"],
                "mail": person["email"],
                "groups": person["groups"],
            },
            userid=person["username"],
            name_id=name_id,
            authn={"class_ref": PASSWORD_OVER_TLS, "authn_auth": URL},
            sign_alg=SIG_RSA_SHA256,  # left alone, it takes SHA-1
            digest_alg=DIGEST_SHA256,
            encrypt_assertion="-sealed/" in answer["sp_entity_id"],
            **answer,
        )
        page = idp.apply_binding(answer["binding"], str(response), answer["destination"], relay_state, response=True)
        session.participants.append((answer["sp_entity_id"], name_id))
        SESSIONS[session.cookie] = session
        self.answer(200, page["data"], cookie=session.cookie)

    def log_out(self, message: dict, binding: str) -> None:
        """One step of a single logout: a service provider asks or answers, or the person asks."""
        idp = server()
        session = SESSIONS.get(self.cookie())
        participants = session.participants if session else []
        if "SAMLRequest" in message:
            return self.follow(idp, message, binding)
        if "SAMLResponse" in message:
            idp.parse_logout_request_response(message["SAMLResponse"], binding)
            participants.pop(0)
        if not participants:
            SESSIONS.pop(self.cookie(), None)
            return self.answer(200, "<h1>Signed out</h1>")
        return self.ask(idp, *participants[0])

    def ask(self, idp: Server, service_provider: str, name_id: NameID) -> None:
        """By POST, without naming a session: everything of that person there shall end."""
        _, destination = idp.pick_binding(
            "single_logout_service", [BINDING_HTTP_POST], "spsso", entity_id=service_provider
        )
        _, request = idp.create_logout_request(destination, service_provider, name_id=name_id, **SIGNED)
        page = idp.apply_binding(BINDING_HTTP_POST, str(request), destination, "")
        self.answer(200, page["data"])

    def follow(self, idp: Server, message: dict, binding: str) -> None:
        try:
            if binding == BINDING_HTTP_REDIRECT and "Signature" not in message:
                raise ValueError("the request is not signed")
            request = idp.parse_logout_request(
                message["SAMLRequest"],
                binding,
                relay_state=message.get("RelayState"),
                sigalg=message.get("SigAlg"),
                signature=message.get("Signature"),
            ).message
        except Exception as error:  # whatever pysaml2 has against it
            logging.exception("logout refused")
            return self.answer(400, f"<h1>Request refused</h1><p>{html.escape(repr(error))}</p>")
        SESSIONS.pop(self.cookie(), None)
        _, destination = idp.pick_binding("single_logout_service", [BINDING_HTTP_POST], "spsso", request)
        response = idp.create_logout_response(request, [BINDING_HTTP_POST], **SIGNED)
        page = idp.apply_binding(
            BINDING_HTTP_POST, str(response), destination, message.get("RelayState", ""), response=True
        )
        return self.answer(200, page["data"])

    def cookie(self) -> str:
        morsel = SimpleCookie(self.headers.get("Cookie", "")).get("session")
        return morsel.value if morsel else ""

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

    def answer(
        self, status: int, body: str, content_type: str = "text/html; charset=utf-8", cookie: str | None = None
    ) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        if cookie:
            self.send_header("Set-Cookie", f"session={cookie}; HttpOnly; Path=/")
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
