// People whose password is the broker's own.

import { randomBytes } from 'node:crypto';

/** What the broker has to know of one; his password is in it. */
export function newcomer() {
  const username = `local-${randomBytes(4).toString('hex')}`;
  return { resourceType: 'User', username, password: randomBytes(18).toString('base64url') };
}

/** At the broker's chooser: the name, then the password. */
export async function logIn(page, { username, password }) {
  await page.locator('input[name=identifier]').fill(username);
  await page.locator('button[value=password]').click();
  await page.locator('input[name=password]').fill(password);
  await page.locator('form[action$="/password"] button').click();
}
