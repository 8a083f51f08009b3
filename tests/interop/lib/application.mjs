// Downstream: a relying party on `openid-client`, a certified implementation, as a tiny web server.
//
//   GET /login?…      starts a login; further parameters (idp, prompt, …) go along to the provider
//   GET /callback     redeems the code, checks everything, shows the result as JSON
//   GET /elsewhere    an empty page of this site; who signs out is sent there

import { createServer } from 'node:http';
import { once } from 'node:events';
import * as jose from 'jose';
import * as openid from 'openid-client';
import { sendJson, sendPage } from './web.mjs';

export class Application {
  #logins = new Map();

  /** Listens; `meet` must follow before anybody signs in. */
  static async start({ clientId, clientSecret, scope, hostname = '127.0.0.1' }) {
    const self = new Application();
    Object.assign(self, { clientId, clientSecret, scope });
    self.server = createServer((request, response) => {
      self.#serve(request, response).catch((error) => sendJson(response, 400, told(error)));
    });
    self.server.listen(0, '127.0.0.1');
    await once(self.server, 'listening');
    self.url = `http://${hostname}:${self.server.address().port}`;
    self.redirectUri = `${self.url}/callback`;
    self.signedOutUri = `${self.url}/elsewhere`;
    return self;
  }

  /** Discovers the OpenID Provider. ID token signatures are checked too, not only the TLS they came over. */
  async meet(issuer) {
    this.issuer = issuer;
    this.configuration = await openid.discovery(
      new URL(issuer),
      this.clientId,
      undefined,
      openid.ClientSecretBasic(this.clientSecret),
      { execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks] },
    );
    this.keys = jose.createRemoteJWKSet(new URL(this.configuration.serverMetadata().jwks_uri));
  }

  loginUrl(parameters = {}) {
    return `${this.url}/login?${new URLSearchParams(parameters)}`;
  }

  /** Where somebody of whom this was said signs out. */
  logoutUrl({ idTokenHint }) {
    const parameters = { id_token_hint: idTokenHint, post_logout_redirect_uri: this.signedOutUri };
    return openid.buildEndSessionUrl(this.configuration, parameters).href;
  }

  async #serve(request, response) {
    const url = new URL(request.url, this.url);
    if (url.pathname === '/login') return this.#begin(url, response);
    if (url.pathname === '/callback') return sendJson(response, 200, await this.#finish(url, request));
    return sendPage(response, url.pathname === '/elsewhere' ? 200 : 404, '');
  }

  async #begin(url, response) {
    const [state, nonce, verifier] = [openid.randomState(), openid.randomNonce(), openid.randomPKCECodeVerifier()];
    this.#logins.set(state, { nonce, verifier });
    const address = openid.buildAuthorizationUrl(this.configuration, {
      redirect_uri: this.redirectUri,
      scope: this.scope,
      state,
      nonce,
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...Object.fromEntries(url.searchParams),
    });
    response.writeHead(303, { location: address.href, 'set-cookie': `application=${state}; HttpOnly; SameSite=Lax; Path=/` });
    response.end();
  }

  async #finish(url, request) {
    const state = /(?:^|; )application=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
    const login = this.#logins.get(state);
    if (!login) throw new Error('no login of this browser is under way');
    this.#logins.delete(state);
    const tokens = await openid.authorizationCodeGrant(this.configuration, url, {
      expectedState: state,
      expectedNonce: login.nonce,
      pkceCodeVerifier: login.verifier,
      idTokenExpected: true,
    });
    const idToken = tokens.claims();
    return {
      idToken,
      idTokenHint: tokens.id_token,
      idTokenHeader: jose.decodeProtectedHeader(tokens.id_token),
      accessToken: await this.#readAccessToken(tokens.access_token),
      userinfo: await openid.fetchUserInfo(this.configuration, tokens.access_token, idToken.sub),
      scope: tokens.scope,
    };
  }

  /** The claims, when it is a JWT (RFC 9068) with a good signature; else nothing, as applications may not care. */
  async #readAccessToken(token) {
    if (token.split('.').length !== 3) return undefined;
    const { payload, protectedHeader } = await jose.jwtVerify(token, this.keys, { issuer: this.issuer, typ: 'at+jwt' });
    return { ...payload, header: protectedHeader };
  }

  async stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const told = (error) => ({
  error: error.error ?? error.code ?? error.name,
  message: error.message,
  description: error.error_description ?? error.cause?.message,
});
