import assert from 'node:assert/strict';
import { assertSignedInAs } from '../lib/expect.mjs';

export const title = 'without a word on the provider, the person chooses it on a page that names all of them';

export default async function ({ world, site }) {
  const provider = world.provider('pysaml2');
  const ada = world.directory.hire();

  const browser = await world.browser();
  await browser.page.goto(site.application.loginUrl());
  assert.equal(new URL(browser.page.url()).origin, site.url);
  const button = ({ name }) => named(browser.page, name);
  for (const one of world.providers) assert.ok(await button(one).isVisible(), `${one.name} is offered`);
  await button(provider).click();
  await provider.enterPassword(browser.page, ada.username, ada.password);
  assertSignedInAs(ada, await browser.whatTheApplicationSays(site), site);
}

const named = (page, name) => page.getByRole('button', { name, exact: true }).or(page.getByRole('link', { name, exact: true }));
