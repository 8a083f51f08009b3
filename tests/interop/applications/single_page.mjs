// Downstream: a single-page application on `oidc-client-ts`, as its browser build was published; all its pages are one.
//
// The page is another origin than the broker's. It shows, as JSON, who is signed in or what went wrong, and offers the
// library's UserManager to the story as `manager`.

import { createServer } from 'node:http';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sendPage } from '../lib/web.mjs';

const LIBRARY = join(import.meta.dirname, '..', 'node_modules', 'oidc-client-ts', 'dist', 'browser', 'oidc-client-ts.min.js');
const A_DAY = 24 * 3600;

export class SinglePage {
  /** Listens; `authority` is the issuer that its person signs in at. */
  static async start({ clientId, authority }) {
    const self = new SinglePage();
    const library = readFileSync(LIBRARY);
    self.server = createServer((request, response) => {
      if (request.url !== '/library.js') return sendPage(response, 200, self.page);
      response.writeHead(200, { 'content-type': 'text/javascript' });
      return response.end(library);
    });
    self.server.listen(0, '127.0.0.1');
    await once(self.server, 'listening');
    self.url = `http://127.0.0.1:${self.server.address().port}`;
    Object.assign(self, { clientId, redirectUri: `${self.url}/callback`, signedOutUri: `${self.url}/signed-out` });
    const settings = {
      authority,
      client_id: clientId,
      redirect_uri: self.redirectUri,
      post_logout_redirect_uri: self.signedOutUri,
      scope: 'openid profile email roles',
      loadUserInfo: true,
      automaticSilentRenew: false, // begins when the story says so
      accessTokenExpiringNotificationTimeInSeconds: A_DAY, // no access token is good for longer
    };
    self.page = `<pre></pre><script src="/library.js"></script>
      <script type="module">(${inThePage})(${JSON.stringify(settings)})</script>`;
    return self;
  }

  /** What the broker has to know of it. */
  resource() {
    return {
      id: this.clientId,
      clientType: 'public',
      redirectUris: [this.redirectUri],
      postLogoutRedirectUris: [this.signedOutUri],
      allowedOrigins: [this.url],
      grantTypes: ['authorization_code', 'refresh_token'],
      scopes: ['openid', 'profile', 'email', 'roles'],
    };
  }

  /** What the page at `address` says once the browser has come there: `{ profile }`, `{ error }`, or `{}` when nobody is signed in. */
  async saysAt(page, address) {
    await page.waitForURL((url) => url.href.split('?')[0] === address);
    return JSON.parse(await page.locator('pre:not(:empty)').innerText());
  }

  async stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** Runs in the page. */
async function inThePage(settings) {
  const manager = new oidc.UserManager(settings);
  const arrive = async () => {
    if (location.pathname === '/callback') await manager.signinCallback();
    if (location.pathname === '/signed-out') await manager.signoutCallback();
    return { profile: (await manager.getUser())?.profile };
  };
  const said = await arrive().catch(({ error, message }) => ({ error: error ?? message }));
  document.querySelector('pre').textContent = JSON.stringify(said);
  globalThis.manager = manager;
}
