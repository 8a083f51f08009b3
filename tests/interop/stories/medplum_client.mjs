import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { freePort } from '../lib/process.mjs';
import { PHYSICIANS } from '../lib/site.mjs';
import { sendPage } from '../lib/web.mjs';

export const title = 'an unmodified MedplumClient signs in, knows the person, refreshes, resumes and signs out, from another origin';
export const providers = ['oidc-provider'];

const CLIENT = 'medplum-application';
const LIBRARY = join(import.meta.dirname, '..', 'node_modules', '@medplum', 'core', 'dist', 'esm', 'index.mjs');

export default async function ({ world, site, provider }) {
  const ada = world.directory.hire({ givenName: 'Ada', familyName: 'Lovelace', groups: [PHYSICIANS] });
  const application = await start(site);
  try {
    await site.introduce({
      id: CLIENT,
      clientType: 'public',
      redirectUris: [`${application.url}/`],
      allowedOrigins: [application.url],
      grantTypes: ['authorization_code', 'refresh_token'],
      scopes: ['openid', 'profile'],
    });
    const { page } = await world.browser();
    const inPage = (work, argument) => page.evaluate(work, argument);

    await page.goto(application.url);
    await inPage((idp) => void medplum.signInWithRedirect({ idp }), provider.id);
    await page.waitForURL((url) => url.origin === site.url || url.origin === provider.url);
    if (new URL(page.url()).origin === site.url) await page.locator(`button[value="${provider.id}"]`).click();
    await provider.enterPassword(page, ada.username, ada.password);
    await page.waitForURL((url) => url.origin === application.url && url.searchParams.has('code'));

    // The library finishes the sign-in where the code arrives.
    await page.waitForFunction(() => globalThis.medplum);
    const profile = await inPage(() => medplum.signInWithRedirect());
    assert.equal(profile.resourceType, 'Person');
    assert.equal(profile.name[0].family, 'Lovelace');
    assert.equal(await inPage(() => medplum.isAuthenticated()), true);
    assert.equal((await inPage(() => medplum.getActiveLogin())).project.display, 'General Hospital');

    const tokens = () => inPage(() => medplum.getActiveLogin());
    const before = await tokens();
    await inPage(() => medplum.refreshIfExpired(24 * 3600 * 1000));
    const after = await tokens();
    assert.notEqual(after.accessToken, before.accessToken, 'refreshed');
    assert.notEqual(after.refreshToken, before.refreshToken, 'rotated');

    await page.goto(application.url);
    await page.waitForFunction(() => globalThis.medplum);
    assert.equal((await inPage(() => medplum.getProfileAsync())).id, profile.id, 'resumed');

    await inPage(() => medplum.signOut());
    assert.equal(await inPage(() => medplum.getActiveLogin()), undefined);
    const me = await fetch(`${site.url}/auth/me`, { headers: { authorization: `Bearer ${after.accessToken}` } });
    assert.equal(me.status, 401, 'the session has ended');
    const form = { grant_type: 'refresh_token', client_id: CLIENT, refresh_token: after.refreshToken };
    const refresh = await fetch(`${site.url}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form) });
    assert.equal((await refresh.json()).error, 'invalid_grant');
  } finally {
    application.server.close();
    application.server.closeAllConnections();
  }
}

/** A page of another origin with the library as it was published, and nothing else. */
async function start(site) {
  const port = await freePort();
  const library = readFileSync(LIBRARY);
  const script = `import { MedplumClient } from '/medplum.mjs';
    globalThis.medplum = new MedplumClient(${JSON.stringify({ baseUrl: `${site.url}/`, clientId: CLIENT })});`;
  const server = createServer((request, response) => {
    if (request.url !== '/medplum.mjs') return sendPage(response, 200, `<script type="module">${script}</script>`);
    response.writeHead(200, { 'content-type': 'text/javascript' });
    response.end(library);
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${port}` };
}
