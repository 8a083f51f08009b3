"""A web application on Flask and Authlib: a confidential client, once for each way to authenticate.

    site.py SETTINGS

SETTINGS is a JSON file: `port`, `issuer`, and `clients`, which maps a client_id to its `method` at the token endpoint and
its `secret`: a client secret, or a private key in PEM.

    GET  /CLIENT/login      starts a login; further parameters go along to the provider
    GET  /CLIENT/callback   redeems the code, has Authlib verify the ID token, shows its claims, and those of userinfo
    POST /CLIENT/DEED       does what DEEDS says with the tokens of the last login, and tells what came of it

A refusal by the provider is told as `error`.
"""

import json
import secrets
import sys
from pathlib import Path

from authlib.integrations.flask_client import OAuth, OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from flask import Flask, request, url_for

SETTINGS = json.loads(Path(sys.argv[1]).read_text())
SCOPE = "openid profile email roles"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"

site = Flask(__name__)
site.secret_key = secrets.token_bytes(32)
site.config["SESSION_COOKIE_NAME"] = "authlib"  # other servers of 127.0.0.1 have a `session`
oauth = OAuth(site)
held = {}  # client_id → the tokens of the last login

for client_id, client in SETTINGS["clients"].items():
    oauth.register(
        client_id,
        client_id=client_id,
        client_secret=client["secret"],
        server_metadata_url=f"{SETTINGS['issuer']}/.well-known/openid-configuration",
        client_kwargs={
            "scope": SCOPE,
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": client["method"],
        },
        client_auth_methods=[PrivateKeyJWT()],
    )


@site.get("/<client_id>/login")
def login(client_id):
    callback = url_for("callback", client_id=client_id, _external=True)
    return oauth.create_client(client_id).authorize_redirect(callback, **request.args)


@site.get("/<client_id>/callback")
def callback(client_id):
    client = oauth.create_client(client_id)
    held[client_id] = client.authorize_access_token()
    return {"claims": held[client_id].pop("userinfo"), "userinfo": client.userinfo(token=held[client_id])}


@site.post("/<client_id>/<deed>")
def do(client_id, deed):
    metadata = oauth.create_client(client_id).load_server_metadata()
    client = SETTINGS["clients"][client_id]
    session = OAuth2Session(
        client_id,
        client["secret"],
        token_endpoint_auth_method=client["method"],
        revocation_endpoint_auth_method=client["method"],
        scope=SCOPE,
        token=held[client_id],
    )
    session.register_client_auth_method(PrivateKeyJWT())
    return DEEDS[deed](session, metadata)


def refresh(session, metadata):
    held[session.client_id] = session.refresh_token(metadata["token_endpoint"])
    return held[session.client_id]


def introspect(session, metadata):
    token = held[session.client_id]["access_token"]
    return session.introspect_token(metadata["introspection_endpoint"], token, "access_token").json()


def revoke(session, metadata):
    token = held[session.client_id]["refresh_token"]
    return {"status": session.revoke_token(metadata["revocation_endpoint"], token, "refresh_token").status_code}


def userinfo(session, metadata):
    return {"status": session.get(metadata["userinfo_endpoint"]).status_code}


def serve_itself(session, metadata):
    return session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials", scope="reports")


def exchange(session, metadata):
    return session.fetch_token(
        metadata["token_endpoint"],
        grant_type=TOKEN_EXCHANGE,
        subject_token=held[session.client_id]["access_token"],
        subject_token_type=ACCESS_TOKEN,
        audience=SETTINGS["archive"],
    )


DEEDS = {
    "refresh": refresh,
    "introspect": introspect,
    "revoke": revoke,
    "userinfo": userinfo,
    "client-credentials": serve_itself,
    "exchange": exchange,
}


@site.errorhandler(OAuthError)
def refused(error):
    return {"error": error.error, "description": error.description}, 400


@site.get("/ready")
def ready():
    return {}


site.run(port=SETTINGS["port"])
