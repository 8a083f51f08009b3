import assert from 'node:assert/strict';
import { assertRefusedOnAPage, assertSignedInAs } from '../lib/expect.mjs';

export const title = "the provider's answer works once; sent again it is refused and signs nobody in";
export const providers = 'all';

export default async function ({ world, site, provider }) {
  const ada = world.directory.hire();
  const browser = await world.browser();
  await browser.goToLoginPage(site, provider);
  const answer = await browser.signInButHoldTheAnswer(provider, ada, provider.answerAddress(site.url));

  await browser.deliver(answer, `${site.application.url}/elsewhere`);
  assertSignedInAs(ada, await browser.whatTheApplicationSays(site), site);

  // The same browser once more; its session is its own and stays.
  assertRefusedOnAPage(await browser.deliver(answer, `${site.application.url}/elsewhere`), site);

  // A browser that knows nothing, and one that has a login of its own under way.
  const thief = await world.browser();
  assertRefusedOnAPage(await thief.deliver(answer, `${site.application.url}/elsewhere`), site);
  assert.equal(await thief.isSignedIn(site), false);
  const prepared = await world.browser();
  await prepared.goToLoginPage(site, provider);
  assertRefusedOnAPage(await prepared.deliver(answer, `${site.application.url}/elsewhere`), site);
  assert.equal(await prepared.isSignedIn(site), false);
}
