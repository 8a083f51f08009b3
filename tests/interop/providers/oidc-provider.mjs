// Upstream OpenID Connect: `oidc-provider` with a login page of our own.

import { createServer } from 'node:http';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';
import MemoryAdapter from 'oidc-provider/lib/adapters/memory_adapter.js';
import { escapeHtml, readForm, sendPage } from '../lib/web.mjs';

const SCOPES = ['openid', 'profile', 'email', 'groups'];

export class OidcProvider {
  id = 'oidc-provider';
  name = 'oidc-provider';
  type = 'oidc';
  clientId = 'medict';
  clientSecret = randomBytes(24).toString('base64url');
  #redirectUris = new Set();

  static async start({ directory }) {
    const self = new OidcProvider();
    self.directory = directory;
    self.server = createServer();
    self.server.listen(0, '127.0.0.1');
    await once(self.server, 'listening');
    self.url = `http://127.0.0.1:${self.server.address().port}`;
    const { privateKey } = await generateKeyPair('RS256', { extractable: true });
    const key = { ...(await exportJWK(privateKey)), use: 'sig', alg: 'RS256', kid: 'upstream' };
    self.provider = new Provider(self.url, self.#configuration(key));
    const standard = self.provider.callback();
    self.server.on('request', (request, response) => {
      if (!request.url.startsWith('/interaction/')) return standard(request, response);
      return self.#interaction(request, response).catch((error) => {
        sendPage(response, 400, `<h1>Interaction refused</h1><p>${escapeHtml(error.message)}</p>`);
      });
    });
    return self;
  }

  #configuration(key) {
    return {
      jwks: { keys: [key] },
      cookies: { keys: [randomBytes(16).toString('hex')] },
      scopes: SCOPES,
      claims: {
        openid: ['sub'],
        profile: ['given_name', 'family_name', 'name', 'preferred_username'],
        email: ['email', 'email_verified'],
        groups: ['groups'],
      },
      pkce: { required: () => true },
      features: { devInteractions: { enabled: false } },
      ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 3600, IdToken: 600, Interaction: 600, Session: 3600 },
      interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
      adapter: (model) => (model === 'Client' ? { find: (id) => this.#client(id) } : new MemoryAdapter(model)),
      findAccount: (_, username) => this.#account(username),
      loadExistingGrant: (context) => this.#grant(context),
      renderError: (context, out) => {
        context.type = 'html';
        context.body = `<h1>Request refused</h1><p>${escapeHtml(JSON.stringify(out))}</p>`;
      },
    };
  }

  /** The one client, with every address that was announced so far. */
  #client(id) {
    if (id !== this.clientId || this.#redirectUris.size === 0) return undefined;
    return {
      client_id: this.clientId,
      client_secret: this.clientSecret,
      redirect_uris: [...this.#redirectUris],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    };
  }

  #account(username) {
    const person = this.directory.named(username);
    if (!person) return undefined;
    const claims = {
      sub: username,
      preferred_username: username,
      name: `${person.givenName} ${person.familyName}`,
      given_name: person.givenName,
      family_name: person.familyName,
      email: person.email,
      email_verified: true,
      groups: person.groups,
    };
    return { accountId: username, claims: () => claims };
  }

  /** The hospital has agreed once and for all: nobody is asked for consent. */
  async #grant({ oidc }) {
    const grant = new this.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope(SCOPES.join(' '));
    await grant.save();
    return grant;
  }

  async #interaction(request, response) {
    await this.provider.interactionDetails(request, response);
    if (request.method !== 'POST') return sendPage(response, 200, loginPage());
    const { username, password } = await readForm(request);
    if (!this.directory.find(username, password)) {
      return sendPage(response, 200, loginPage('Wrong user name or password.'));
    }
    const result = { login: { accountId: username, amr: ['pwd'] } };
    return this.provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  }

  /** The IdentityProvider resource of the broker. */
  async resource({ rules }) {
    return {
      resourceType: 'IdentityProvider',
      id: this.id,
      type: 'oidc',
      name: this.name,
      configuration: { issuer: this.url, clientId: this.clientId, clientSecret: this.clientSecret, scopes: SCOPES },
      mapping: { preset: 'none', rules },
      provisioning: { create: true },
    };
  }

  /** Where a login at this provider comes back to. */
  answerAddress(broker) {
    return `${broker}/oidc/${this.id}/callback`;
  }

  /** Registers the broker at this address. */
  async meet(broker) {
    this.register(this.answerAddress(broker));
  }

  /** Registers one more redirect URI of its client. */
  register(redirectUri) {
    this.#redirectUris.add(redirectUri);
  }

  async enterPassword(page, username, password) {
    await page.getByLabel('User name').fill(username);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }

  async refuses(page) {
    await page.getByText('Wrong user name or password').waitFor();
  }

  async stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const loginPage = (problem = '') => `
  <h1>Sign in</h1><p role="alert">${problem}</p>
  <form method="post">
    <label>User name <input name="username" autocomplete="username"></label>
    <label>Password <input name="password" type="password" autocomplete="current-password"></label>
    <button>Sign in</button>
  </form>`;
