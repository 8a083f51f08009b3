import assert from 'node:assert/strict';
import { assertSignedInAs } from '../lib/expect.mjs';
import { PHYSICIANS } from '../lib/site.mjs';

export const title = 'the second login finds the same user, from another browser too';
export const providers = 'some';

export default async function ({ world, site, provider }) {
  const ada = world.directory.hire({ groups: [PHYSICIANS] });
  const bob = world.directory.hire({ givenName: 'Bob', familyName: 'Byron' });

  const first = await (await world.browser()).signIn(site, provider, ada);
  const second = await (await world.browser()).signIn(site, provider, ada);
  const other = await (await world.browser()).signIn(site, provider, bob);

  assert.equal(second.idToken.sub, first.idToken.sub);
  assert.notEqual(second.accessToken.login_id, first.accessToken.login_id, 'two sessions');
  assert.notEqual(other.idToken.sub, first.idToken.sub, 'another person is another user');
  assertSignedInAs(ada, second, site);
  assertSignedInAs(bob, other, site);
}
