// What identity providers made of an npm library have in common.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeKeyPair } from '../../lib/keys.mjs';
import { SamlProvider } from '../saml.mjs';
import { LoginSite } from './login_site.mjs';

export class LibraryProvider extends SamlProvider {
  static async start({ folder, directory }) {
    const self = new this();
    self.keepsMetadataIn(folder);
    const { key, pem } = await makeKeyPair(folder, self.id);
    self.keys = { pem, key: readFileSync(key, 'utf8') };
    self.site = await LoginSite.start({ software: self.software(), directory });
    self.url = self.site.url;
    self.metadataUrl = `${self.url}/metadata`;
    return self;
  }

  /** The metadata of the trusted service provider with this entityID. */
  serviceProvider(entityId) {
    const files = readdirSync(this.trusted).map((file) => readFileSync(join(this.trusted, file), 'utf8'));
    const found = files.find((xml) => xml.includes(`entityID="${entityId}"`));
    if (!found) throw new Error(`no service provider ${entityId} is known`);
    return found;
  }

  async enterPassword(page, username, password) {
    await page.getByLabel('User name').fill(username);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }

  async refuses(page) {
    await page.getByText('Wrong user name or password').waitFor();
  }

  /** The person signs out at the provider. */
  async signOut(page) {
    await page.goto(`${this.url}/slo`);
    await page.getByText('Signed out').waitFor();
  }

  stop() {
    return this.site.stop();
  }
}

/** Whether this service provider shall get its assertions encrypted. */
export const isSealed = (entityId) => entityId.includes('-sealed/');
