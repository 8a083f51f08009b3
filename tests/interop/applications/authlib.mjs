// Downstream: a web application on Flask and Authlib, with two clients that authenticate differently.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as jose from 'jose';
import { awkwardSecret } from '../lib/keys.mjs';
import { freePort, Service } from '../lib/process.mjs';
import { PYTHON } from '../providers/pysaml2.mjs';

const PROGRAM = join(import.meta.dirname, 'authlib', 'site.py');
/** Another service, which it calls for its people. */
export const ARCHIVE = 'https://archive.hospital.example';
export const METHODS = ['client_secret_basic', 'private_key_jwt'];

export class Authlib {
  /** Listens; `issuer` is the provider that both clients are known to. */
  static async start({ name, folder, logs, issuer }) {
    const self = new Authlib();
    const port = await freePort();
    self.url = `http://127.0.0.1:${port}`;
    const { publicKey, privateKey } = await jose.generateKeyPair('RS256', { extractable: true });
    self.jwks = { keys: [await jose.exportJWK(publicKey)] };
    self.secret = awkwardSecret();
    const clients = {
      [clientId(name, METHODS[0])]: { method: METHODS[0], secret: self.secret },
      [clientId(name, METHODS[1])]: { method: METHODS[1], secret: await jose.exportPKCS8(privateKey) },
    };
    self.name = name;
    const settings = join(folder, 'settings.json');
    writeFileSync(settings, JSON.stringify({ port, issuer, archive: ARCHIVE, clients }), { mode: 0o600 });
    self.service = new Service('Authlib', PYTHON, [PROGRAM, settings], { logFile: join(logs, 'authlib.log') });
    await self.service.ready(`${self.url}/ready`);
    return self;
  }

  clientId(method) {
    return clientId(this.name, method);
  }

  /** What the broker has to know of its clients. */
  resources() {
    return METHODS.map((method) => ({
      id: this.clientId(method),
      clientType: 'confidential',
      tokenEndpointAuthMethod: method,
      ...(method === 'private_key_jwt' ? { jwks: this.jwks } : { secret: this.secret }),
      redirectUris: [`${this.url}/${this.clientId(method)}/callback`],
      grantTypes: [
        'authorization_code', 'refresh_token', 'client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange',
      ],
      scopes: ['openid', 'profile', 'email', 'roles', 'reports'],
      exchangeAudiences: [ARCHIVE],
    }));
  }

  loginUrl(method, parameters) {
    return `${this.url}/${this.clientId(method)}/login?${new URLSearchParams(parameters)}`;
  }

  /** Has it do something with the tokens of its last login, and answers what it tells. */
  async do(method, deed) {
    return (await fetch(`${this.url}/${this.clientId(method)}/${deed}`, { method: 'POST' })).json();
  }

  async stop() {
    await this.service.stop();
  }
}

const clientId = (name, method) => `authlib-${name}-${method.replaceAll('_', '-')}`;
