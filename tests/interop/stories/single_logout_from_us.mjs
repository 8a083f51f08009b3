import assert from 'node:assert/strict';
import { assertSignedInAs } from '../lib/expect.mjs';

export const title = 'who signs out at the application is signed out at the broker and at the provider';
export const providers = 'saml';

export default async function ({ world, site, provider }) {
  const ada = world.directory.hire();
  const browser = await world.browser();
  const said = await browser.signIn(site, provider, ada);
  assertSignedInAs(ada, said, site);

  await browser.page.goto(site.application.logoutUrl(said));
  await browser.page.waitForURL(site.application.signedOutUri);
  assert.deepEqual(browser.violations, [], 'content security policy');
  assert.equal(await browser.isSignedIn(site), false, 'signed out at the broker');

  await browser.goToLoginPage(site, provider);
  await provider.enterPassword(browser.page, ada.username, ada.password);
  assertSignedInAs(ada, await browser.whatTheApplicationSays(site), site); // the provider had to ask again
}
