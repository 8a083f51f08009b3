import assert from 'node:assert/strict';
import { assertRoles, assertSignedInAs } from '../lib/expect.mjs';
import { PHYSICIANS } from '../lib/site.mjs';

export const title = 'asked by POST, the provider answers with an encrypted assertion that only the broker can read';
export const providers = 'sealed';

export default async function ({ world, site, provider }) {
  const ada = world.directory.hire({ givenName: 'Zoë', familyName: 'Lovelace & Sons', groups: [PHYSICIANS] });
  const browser = await world.browser();
  await browser.goToLoginPage(site, provider);
  assert.equal(browser.firstRequestTo(provider.url).method, 'POST');

  const answer = await browser.signInButHoldTheAnswer(provider, ada, provider.answerAddress(site.url));
  const xml = Buffer.from(answer.form.SAMLResponse, 'base64').toString();
  assert.match(xml, /EncryptedAssertion/);
  assert.doesNotMatch(xml, /<(\w+:)?Assertion[ >]/, 'no assertion in the clear');
  assert.ok(!xml.includes(ada.email), 'nothing about the person in the clear');

  await browser.deliver(answer, `${site.application.url}/elsewhere`);
  const said = await browser.whatTheApplicationSays(site);
  assertSignedInAs(ada, said, site);
  assertRoles(said, ['physician']);
  return [...xml.matchAll(/EncryptionMethod [^>]*Algorithm="[^"]*#([^"]*)"/g)].map(([, name]) => name).join(', ');
}
