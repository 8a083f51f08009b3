// Upstream SAML: SimpleSAMLphp, from the Debian package, under PHP's own web server.

import { mkdirSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { freePort, Service } from '../lib/process.mjs';
import { makeKeyPair } from '../lib/keys.mjs';
import { SamlProvider } from './saml.mjs';

const PROGRAM = '/usr/share/simplesamlphp/www';
const CONFIGURATION = join(import.meta.dirname, 'simplesamlphp');

export class SimpleSamlPhp extends SamlProvider {
  id = 'simplesamlphp';
  name = 'SimpleSAMLphp';
  /** Version 1.19 encrypts with AES-128-CBC and cannot be told otherwise; its responses are signed. */
  sealedSettings = { allowCbc: true };

  static async start({ folder, logs, directory }) {
    const self = new SimpleSamlPhp();
    self.keepsMetadataIn(folder);
    for (const name of ['data', 'tmp', 'sessions']) mkdirSync(join(folder, name));
    await makeKeyPair(folder, 'simplesamlphp');
    const port = await freePort();
    self.url = `http://127.0.0.1:${port}`;
    self.metadataUrl = `${self.url}/saml2/idp/metadata.php`;
    self.service = new Service(
      self.name,
      'php',
      ['-d', 'display_errors=stderr', '-d', 'error_reporting=E_ALL & ~E_DEPRECATED', '-S', `127.0.0.1:${port}`, '-t', PROGRAM],
      {
        logFile: join(logs, 'simplesamlphp.log'),
        env: {
          SIMPLESAMLPHP_CONFIG_DIR: CONFIGURATION,
          INTEROP_FOLDER: folder,
          INTEROP_URL: self.url,
          INTEROP_DIRECTORY: directory.file,
          INTEROP_SALT: randomBytes(16).toString('hex'),
        },
      },
    );
    await self.service.ready(self.metadataUrl);
    return self;
  }

  /** The IdentityProvider resource of the broker: by the address of the metadata. */
  async resource({ rules }) {
    return {
      resourceType: 'IdentityProvider',
      id: this.id,
      type: 'saml',
      name: this.name,
      configuration: { metadataUrl: this.metadataUrl, ...this.manner() },
      mapping: { preset: 'shibboleth', rules },
    };
  }

  /** On the login page: types name and password, presses the button. */
  async enterPassword(page, username, password) {
    await page.locator('#username').fill(username);
    await page.locator('#password').fill(password);
    await page.locator('#submit_button').click();
  }

  async refuses(page) {
    await page.getByText('Incorrect username or password').first().waitFor();
  }

  /** The person signs out at the provider. */
  async signOut(page) {
    const back = `${this.url}/logout.php`;
    await page.goto(`${this.url}/saml2/idp/SingleLogoutService.php?${new URLSearchParams({ ReturnTo: back })}`);
    await page.waitForURL(back);
  }
}
