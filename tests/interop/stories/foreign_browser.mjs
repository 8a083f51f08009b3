import assert from 'node:assert/strict';
import { assertRefusedOnAPage } from '../lib/expect.mjs';

export const title = 'an answer delivered by another browser than the one that asked signs nobody in';
export const providers = 'some';

export default async function ({ world, site, provider }) {
  const elsewhere = `${site.application.url}/elsewhere`;
  const address = provider.answerAddress(site.url);
  const mallory = world.directory.hire({ givenName: 'Mallory', familyName: 'Smith' });
  const ada = world.directory.hire();

  // Mallory signs in and foists the answer on Ada, who shall work in Mallory's account.
  const attacker = await world.browser();
  await attacker.goToLoginPage(site, provider);
  const answer = await attacker.signInButHoldTheAnswer(provider, mallory, address);
  const victim = await world.browser();
  assertRefusedOnAPage(await victim.deliver(answer, elsewhere), site);
  assert.equal(await victim.isSignedIn(site), false);
  assert.equal(await attacker.isSignedIn(site), false);

  // The other way round: Mallory begins, Ada is lured to the provider with Mallory's request and signs in there.
  const begun = await world.browser();
  await begun.goToLoginPage(site, provider);
  const lured = await world.browser();
  await lured.deliver(begun.firstRequestTo(provider.url), elsewhere);
  const adasAnswer = await lured.signInButHoldTheAnswer(provider, ada, address);
  assertRefusedOnAPage(await lured.deliver(adasAnswer, elsewhere), site);
  assert.equal(await lured.isSignedIn(site), false);
  assert.equal(await begun.isSignedIn(site), false);
}
