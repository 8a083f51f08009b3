import assert from 'node:assert/strict';

export const title = 'a wrong password at the provider leads nowhere';
export const providers = 'some';

export default async function ({ world, site, provider }) {
  const ada = world.directory.hire();

  const browser = await world.browser();
  await browser.goToLoginPage(site, provider);
  await provider.enterPassword(browser.page, ada.username, 'a guess');
  await provider.refuses(browser.page);

  assert.equal(new URL(browser.page.url()).origin, provider.url, 'still at the provider');
  assert.equal(await browser.isSignedIn(site), false);
}
