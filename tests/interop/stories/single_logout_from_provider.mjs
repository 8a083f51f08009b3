import assert from 'node:assert/strict';
import { assertSignedInAs } from '../lib/expect.mjs';
import { eventually } from '../lib/process.mjs';

export const title = 'who signs out at the provider is signed out at the broker, and nobody else is';
export const providers = 'saml';

export default async function ({ world, site, provider }) {
  const ada = world.directory.hire();
  const bob = world.directory.hire({ givenName: 'Bob', familyName: 'Byron' });
  const [browser, other] = [await world.browser(), await world.browser()];
  assertSignedInAs(ada, await browser.signIn(site, provider, ada), site);
  assertSignedInAs(bob, await other.signIn(site, provider, bob), site);

  await provider.signOut(browser.page);
  await eventually('the broker has followed', async () => !(await browser.isSignedIn(site)));
  assert.ok(await other.isSignedIn(site), 'somebody else stays');
}
