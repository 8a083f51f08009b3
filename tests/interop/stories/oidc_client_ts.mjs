import assert from 'node:assert/strict';
import { PHYSICIANS } from '../lib/site.mjs';
import { SinglePage } from '../applications/single_page.mjs';

export const title = 'a single-page application on oidc-client-ts: its person signs in, stays by silent renewal, resumes, signs out';
export const providers = ['simplesamlphp', 'oidc-provider'];

export default async function ({ world, site, provider }) {
  const ada = world.directory.hire({ groups: [PHYSICIANS] });
  const application = await SinglePage.start({ clientId: `single-page-${provider.id}`, authority: site.url });
  try {
    await site.introduce(application.resource());
    const browser = await world.browser();
    await play(browser.page, { site, provider, application, ada });
    assert.deepEqual(browser.violations, [], 'content security policy');
  } finally {
    await application.stop();
  }
}

async function play(page, { site, provider, application, ada }) {
  const begin = async (parameters) => {
    await page.waitForFunction(() => globalThis.manager);
    await page.evaluate((parameters) => void manager.signinRedirect(parameters), parameters);
  };
  await page.goto(application.url);
  assert.deepEqual(await application.saysAt(page, `${application.url}/`), {}, 'nobody is signed in');
  await begin({ extraQueryParams: { idp: provider.id } });
  await page.waitForURL((url) => url.origin === provider.url);
  await provider.enterPassword(page, ada.username, ada.password);
  const { profile, error } = await application.saysAt(page, application.redirectUri);
  assert.equal(error, undefined);
  assert.equal(profile.iss, site.url);
  assert.deepEqual([profile.given_name, profile.family_name, profile.email], [ada.givenName, ada.familyName, ada.email]);
  assert.deepEqual(profile.roles, ['physician']);

  // The library renews by itself when the access token is about to expire, which by its settings it always is.
  await page.waitForFunction(() => globalThis.manager);
  const before = await page.evaluate(() => manager.getUser());
  const after = await page.evaluate(renewedByItself);
  assert.equal(after.profile.sub, profile.sub);
  assert.notEqual(after.access_token, before.access_token, 'a new access token');
  assert.notEqual(after.refresh_token, before.refresh_token, 'rotated');

  await page.goto(application.url);
  const resumed = await application.saysAt(page, `${application.url}/`);
  assert.equal(resumed.profile.sub, profile.sub, 'resumed');
  await begin({ prompt: 'none' });
  const again = await application.saysAt(page, application.redirectUri);
  assert.equal(again.profile?.sub, profile.sub, 'nobody is asked who is signed in at the broker');

  await page.waitForFunction(() => globalThis.manager);
  await page.evaluate(() => void manager.signoutRedirect());
  assert.deepEqual(await application.saysAt(page, application.signedOutUri), {}, 'signed out');
  await begin({ prompt: 'none' });
  assert.deepEqual(await application.saysAt(page, application.redirectUri), { error: 'login_required' });
  const form = { grant_type: 'refresh_token', client_id: application.clientId, refresh_token: after.refresh_token };
  const refresh = await fetch(`${site.url}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form) });
  assert.equal((await refresh.json()).error, 'invalid_grant', 'the refresh token ended with the session');
}

/** Runs in the page. */
function renewedByItself() {
  return new Promise((resolve, reject) => {
    manager.events.addUserLoaded((user) => {
      manager.stopSilentRenew();
      resolve(user);
    });
    manager.events.addSilentRenewError(reject);
    manager.startSilentRenew();
  });
}
