import assert from 'node:assert/strict';
import { ModAuthOpenidc } from '../applications/mod_auth_openidc.mjs';
import { PHYSICIANS } from '../lib/site.mjs';

export const title = 'a site behind mod_auth_openidc: it knows the person, refreshes, and hears of the sign-out by the back channel';
export const providers = ['lemonldap', 'oidc-provider'];

export default async function ({ world, site, provider }) {
  const application = await ModAuthOpenidc.start({ clientId: `behind-apache-${provider.id}`, logs: world.logs, issuer: site.url });
  try {
    await site.introduce(application.resource());
    const browser = await world.browser();
    await play(browser, { world, site, provider, application });
    assert.deepEqual(browser.violations, [], 'content security policy');
  } finally {
    await application.stop();
  }
}

async function play(browser, { world, site, provider, application }) {
  const { page } = browser;
  const ada = world.directory.hire({ groups: [PHYSICIANS] });
  const ask = async (url) => {
    await page.goto(url);
    assert.equal(page.url(), url, 'nobody is sent away');
    return JSON.parse(await browser.text());
  };
  await goToBroker(page, { site, application });
  await signIn(page, { provider, application, ada });
  const shown = JSON.parse(await browser.text());
  assert.ok(shown.sub && shown.user.startsWith(`${shown.sub}@`), shown.user);
  assert.deepEqual([shown.given_name, shown.family_name, shown.email], [ada.givenName, ada.familyName, ada.email]);
  assert.equal(shown.roles, 'physician');

  const before = await ask(application.infoUrl());
  assert.deepEqual(await ask(application.protectedUrl), shown, 'the session goes on');
  const after = await ask(application.infoUrl());
  assert.notEqual(after.access_token, before.access_token, 'refreshed');
  assert.notEqual(after.refresh_token, before.refresh_token, 'rotated');

  // The person signs out at the broker, and the site has heard of it.
  await page.goto(`${site.url}/account`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
  await goToBroker(page, { site, application });

  // The person signs out at the site, which takes the browser along to the broker.
  await signIn(page, { provider, application, ada });
  assert.deepEqual(await ask(application.protectedUrl), shown);
  await page.goto(application.logoutUrl());
  await page.waitForURL(application.signedOutUri);
  assert.equal(await browser.isSignedIn(site), false, 'signed out at the broker');
  await goToBroker(page, { site, application });
}

/** Whom the site does not know is sent to the broker. */
async function goToBroker(page, { site, application }) {
  await page.goto(application.protectedUrl);
  assert.equal(new URL(page.url()).origin, site.url, 'asked to sign in');
}

/** From the broker's list of providers to the protected page. A provider that was not told of a sign-out asks for no password. */
async function signIn(page, { provider, application, ada }) {
  await page.locator(`button[value="${provider.id}"]`).click();
  await page.waitForURL((url) => url.origin === provider.url || url.href === application.protectedUrl);
  if (page.url() !== application.protectedUrl) await provider.enterPassword(page, ada.username, ada.password);
  await page.waitForURL(application.protectedUrl);
}
