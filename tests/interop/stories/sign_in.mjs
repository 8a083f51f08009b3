import assert from 'node:assert/strict';
import { assertRoles, assertSignedInAs } from '../lib/expect.mjs';
import { PHYSICIANS } from '../lib/site.mjs';

export const title = 'a person types a password at the provider and ends, known by name and role, at the application';
export const providers = 'all';

export default async function ({ world, site, provider }) {
  const ada = world.directory.hire({ givenName: 'Ada', familyName: 'Løvelace-Ñandú', groups: ['GG-Staff', PHYSICIANS] });

  const browser = await world.browser();
  assert.equal(await browser.isSignedIn(site), false, 'nobody is signed in before');
  const said = await browser.signIn(site, provider, ada);

  assertSignedInAs(ada, said, site);
  assertRoles(said, ['physician']);
  assert.equal(said.idTokenHeader.alg, 'RS256');
  assert.equal(said.accessToken.header.alg, 'ES256');
  assert.equal(said.accessToken.organization, 'general-hospital');
  assert.ok(said.accessToken.login_id, 'the access token names its session');
  assert.ok((await browser.accountPage(site)).includes(ada.email), 'the account page shows who is signed in');
  assert.deepEqual(browser.violations, [], 'content security policy');
}
