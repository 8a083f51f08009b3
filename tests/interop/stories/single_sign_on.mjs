import assert from 'node:assert/strict';

export const title = 'who is signed in at the broker is not asked again, unless the application insists';
export const providers = ['simplesamlphp'];

export default async function ({ world, site, provider }) {
  const ada = world.directory.hire();
  const browser = await world.browser();
  const first = await browser.signIn(site, provider, ada);

  await browser.page.goto(site.application.loginUrl());
  const again = await browser.whatTheApplicationSays(site);
  assert.equal(again.idToken.sub, first.idToken.sub);
  assert.equal(again.accessToken.login_id, first.accessToken.login_id, 'the same session');

  const stranger = await world.browser();
  await stranger.page.goto(site.application.loginUrl({ prompt: 'none' }));
  assert.equal(JSON.parse(await stranger.text()).error, 'login_required');
}
