import assert from 'node:assert/strict';
import { assertRoles, assertSignedInAs } from '../lib/expect.mjs';
import { PHYSICIANS } from '../lib/site.mjs';

export const title = 'two brokers on one PostgreSQL: a login begun on one finishes on the other';
export const ownSite = true;

export default async function ({ world }) {
  const site = await world.newSite({ name: 'cluster', onPostgres: true, nodes: 2 });
  const { crossroads } = site;

  for (const provider of ['simplesamlphp', 'pysaml2', 'oidc-provider'].map((id) => world.provider(id))) {
    const ada = world.directory.hire({ groups: [PHYSICIANS] });
    const [answer, token] = [new URL(provider.answerAddress(site.url)).pathname, '/oauth2/token'];

    // Begun on the first node, answered at the second, and the code redeemed where it was not made.
    crossroads.seen.length = 0;
    const there = { '/oauth2/authorize': 0, [answer]: 1, '/oauth2/token': 0 };
    crossroads.choose = (path) => there[path];
    const first = await (await world.browser()).signIn(site, provider, ada);
    assertSignedInAs(ada, first, site);
    assertRoles(first, ['physician']);
    assert.deepEqual(crossroads.nodesOf('/oauth2/authorize'), new Set([0]));
    assert.deepEqual(crossroads.nodesOf(answer), new Set([1]));
    assert.deepEqual(crossroads.nodesOf(token), new Set([0]));

    // And with every request on the other node than the one before.
    crossroads.choose = () => undefined;
    const second = await (await world.browser()).signIn(site, provider, ada);
    assert.equal(second.idToken.sub, first.idToken.sub);
  }
}
