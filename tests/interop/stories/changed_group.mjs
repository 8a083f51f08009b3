import assert from 'node:assert/strict';
import { assertRoles } from '../lib/expect.mjs';
import { NURSES, PHYSICIANS } from '../lib/site.mjs';

export const title = 'a group changed at the provider changes the role at the next login';
export const providers = 'some';

export default async function ({ world, site, provider }) {
  const ada = world.directory.hire({ groups: [PHYSICIANS] });
  const before = await (await world.browser()).signIn(site, provider, ada);
  assertRoles(before, ['physician']);

  world.directory.move(ada, [NURSES]);
  const after = await (await world.browser()).signIn(site, provider, ada);
  assertRoles(after, ['nurse']);

  world.directory.move(ada, ['GG-Staff']);
  const without = await (await world.browser()).signIn(site, provider, ada);
  assertRoles(without, []);
  assert.equal(without.idToken.sub, before.idToken.sub);
}
