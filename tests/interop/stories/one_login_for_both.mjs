import assert from 'node:assert/strict';
import { assertSignedInAs } from '../lib/expect.mjs';

export const title = 'who signed in at mod_auth_mellon by the same provider is not asked again when coming to us';
export const providers = ['simplesamlphp'];

export default async function ({ world, site, provider }) {
  const metadata = await provider.metadata();
  const mellon = await world.mellon([metadata]);
  await provider.trust('mellon', await mellon.metadata());
  const ada = world.directory.hire();

  const browser = await world.browser();
  await browser.page.goto(mellon.loginUrl(/entityID="([^"]+)"/.exec(metadata)[1]));
  await provider.enterPassword(browser.page, ada.username, ada.password);
  await browser.page.waitForURL(`${mellon.url}/inside`);
  assert.equal(await browser.text(), 'inside');

  await browser.page.goto(site.application.loginUrl({ idp: provider.id }));
  assertSignedInAs(ada, await browser.whatTheApplicationSays(site), site);
}
