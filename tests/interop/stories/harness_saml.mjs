import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeKeyPair } from '../lib/keys.mjs';
import { run } from '../lib/process.mjs';
import { PYTHON } from '../providers/pysaml2.mjs';

export const title = 'a service provider that is not Medict signs in at the SAML provider';
export const providers = 'saml';
export const withoutBroker = true;

const PROGRAM = join(import.meta.dirname, '..', 'providers', 'pysaml2', 'sample_sp.py');

export default async function ({ world, provider }) {
  const folder = world.inFolder(`sample-sp-of-${provider.id}`);
  await makeKeyPair(folder, 'sample-sp');
  const sampleSp = (command, ...rest) => run(PYTHON, [PROGRAM, folder, ...command], ...rest);
  const metadata = join(folder, 'idp.xml');
  writeFileSync(metadata, await provider.metadata());
  const prepared = JSON.parse(await sampleSp(['prepare', metadata]));
  await provider.trust('sample-sp', prepared.metadata);
  const ada = world.directory.hire({ groups: ['GG-Physicians', 'GG-Staff'] });

  const browser = await world.browser();
  await browser.page.goto(prepared.signed);
  const answer = await browser.signInButHoldTheAnswer(provider, ada, 'http://localhost:9/sample-sp/acs');
  assert.equal(answer.form.RelayState, 'state');
  const xml = Buffer.from(answer.form.SAMLResponse, 'base64').toString();
  assert.match(xml, /#rsa-sha256"/);
  assert.doesNotMatch(xml, /#(rsa-)?sha1"/, 'nobody signs with SHA-1 any more');
  const who = JSON.parse(await sampleSp(['read', metadata], { input: answer.form.SAMLResponse }));
  const values = Object.values(who.attributes).flat();
  for (const value of [ada.givenName, ada.familyName, ada.email, ...ada.groups]) assert.ok(values.includes(value), value);

  const other = await world.browser();
  await other.page.goto(prepared.again);
  await provider.enterPassword(other.page, ada.username, 'a guess');
  await provider.refuses(other.page);

  if (provider.asksBeforeItChecks) {
    const stranger = await world.browser();
    await stranger.page.goto(prepared.unsigned);
    await provider.enterPassword(stranger.page, ada.username, ada.password);
    await stranger.page.getByText('error').first().waitFor();
    assert.equal(stranger.firstRequestTo('http://localhost:9/'), undefined, 'an unsigned request is not answered');
  } else {
    const page = await (await fetch(prepared.unsigned)).text();
    assert.doesNotMatch(page, /type="password"/, 'an unsigned request is refused, nobody is asked for a password');
  }
}
