import assert from 'node:assert/strict';
import { SinglePage } from '../applications/single_page.mjs';
import { logIn, newcomer } from '../lib/local.mjs';

export const title = 'a single-page application signs its person in by a popup, which finds the window that opened it';

export default async function ({ world, site }) {
  const application = await SinglePage.start({ clientId: 'popup', authority: site.url });
  try {
    const person = newcomer();
    await site.introduce(application.resource(), person);
    const { page, context } = await world.browser();
    await page.goto(application.url);
    await page.waitForFunction(() => globalThis.manager);
    const opened = context.waitForEvent('page');
    const signedIn = page.evaluate(() => manager.signinPopup().then(({ profile }) => profile.preferred_username, String));
    signedIn.catch(() => {}); // whoever awaits it is told
    const popup = await opened;
    await popup.waitForURL((url) => url.pathname.startsWith('/login/'));
    assert.equal(await popup.evaluate(() => globalThis.opener !== null), true, 'the popup has its opener');
    await logIn(popup, person);
    assert.equal(await signedIn, person.username);
    const account = await page.goto(`${site.url}/account`);
    assert.equal(account.headers()['cross-origin-opener-policy'], 'same-origin', 'no window finds the pages of the account');
  } finally {
    await application.stop();
  }
}
