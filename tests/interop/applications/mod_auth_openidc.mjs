// Downstream: a site behind Apache with mod_auth_openidc, from the Debian packages, which knows nothing of sign-ins itself.
//
//   GET /protected    shows who the module says is there, as JSON
//   GET /elsewhere    an open page; who signs out is sent there

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apache, commonConfiguration } from '../lib/apache.mjs';
import { awkwardSecret } from '../lib/keys.mjs';
import { freePort } from '../lib/process.mjs';

const SCOPES = ['openid', 'profile', 'email', 'roles'];
const SHOWN = ['sub', 'given_name', 'family_name', 'email', 'roles'];

export class ModAuthOpenidc {
  /** Listens; `issuer` is the provider that everybody signs in at. */
  static async start({ clientId, logs, issuer }) {
    const self = new ModAuthOpenidc();
    self.folder = mkdtempSync(join(tmpdir(), 'medict-mod-auth-openidc-'));
    chmodSync(self.folder, 0o755); // as root Apache serves as somebody else
    self.url = `http://127.0.0.1:${await freePort()}`;
    Object.assign(self, { clientId, issuer, secret: randomBytes(24).toString('base64url') });
    self.protectedUrl = `${self.url}/protected`;
    self.redirectUri = `${self.protectedUrl}/callback`;
    self.signedOutUri = `${self.url}/elsewhere`;
    mkdirSync(join(self.folder, 'htdocs'));
    writeFileSync(join(self.folder, 'htdocs', 'protected'), page());
    writeFileSync(join(self.folder, 'htdocs', 'elsewhere'), 'elsewhere');
    writeFileSync(join(self.folder, 'httpd.conf'), configuration(self), { mode: 0o600 });
    self.service = apache('mod_auth_openidc', self.folder, join(logs, `${clientId}.log`));
    await self.service.ready(self.signedOutUri, 20).catch((error) => self.stop().then(() => Promise.reject(error)));
    return self;
  }

  /** What the broker has to know of it. */
  resource() {
    return {
      id: this.clientId,
      clientType: 'confidential',
      tokenEndpointAuthMethod: 'client_secret_basic',
      secret: this.secret,
      redirectUris: [this.redirectUri],
      postLogoutRedirectUris: [this.signedOutUri],
      backchannelLogoutUri: `${this.redirectUri}?logout=backchannel`,
      grantTypes: ['authorization_code', 'refresh_token'],
      scopes: SCOPES,
    };
  }

  /** Where the module signs its person out, here and at the broker. */
  logoutUrl() {
    return `${this.redirectUri}?${new URLSearchParams({ logout: this.signedOutUri })}`;
  }

  /** Where the module tells the tokens of the browser's session. */
  infoUrl() {
    return `${this.redirectUri}?info=json`;
  }

  async stop() {
    await this.service.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** By server side includes. */
const page = () => {
  const echo = (name) => `<!--#echo encoding="none" var="${name}" -->`;
  return JSON.stringify({ user: echo('REMOTE_USER'), ...Object.fromEntries(SHOWN.map((claim) => [claim, echo(`OIDC_CLAIM_${claim}`)])) })
    .replaceAll('\\"', '"');
};

// A token that ends within a day is refreshed: that is, at every request.
const configuration = ({ folder, url, clientId, secret, issuer, redirectUri }) => `
${commonConfiguration({ folder, url, modules: ['include', 'auth_openidc'] })}
OIDCProviderMetadataURL ${issuer}/.well-known/openid-configuration
OIDCClientID ${clientId}
OIDCClientSecret ${secret}
OIDCRedirectURI ${redirectUri}
OIDCCryptoPassphrase ${randomBytes(24).toString('base64url')}
OIDCScope "${SCOPES.join(' ')}"
OIDCPKCEMethod S256
OIDCInfoHook access_token refresh_token
<Directory ${folder}/htdocs>
  Options Includes
  Require all granted
</Directory>
<Location /protected>
  AuthType openid-connect
  Require valid-user
  OIDCRefreshAccessTokenBeforeExpiry 86400
  SetOutputFilter INCLUDES
  ForceType text/html
</Location>
`;
