// Upstream SAML: SimpleSAMLphp, from the Debian package, under PHP's own web server.

import { mkdirSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { freePort, Service } from '../lib/process.mjs';
import { makeKeyPair } from '../lib/keys.mjs';

const PROGRAM = '/usr/share/simplesamlphp/www';
const CONFIGURATION = join(import.meta.dirname, 'simplesamlphp');

export class SimpleSamlPhp {
  id = 'simplesamlphp';
  name = 'SimpleSAMLphp';
  type = 'saml';

  static async start({ folder, logs, directory }) {
    const self = new SimpleSamlPhp();
    self.folder = folder;
    for (const name of ['data', 'tmp', 'sessions', 'service-providers']) {
      mkdirSync(join(folder, name), { recursive: true });
    }
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

  metadata() {
    return fetch(this.metadataUrl).then((response) => response.text());
  }

  /** The IdentityProvider resource of the broker: by the address of the metadata. */
  async resource({ rules }) {
    return {
      resourceType: 'IdentityProvider',
      id: this.id,
      type: 'saml',
      name: this.name,
      configuration: { metadataUrl: this.metadataUrl, ssoBinding: 'redirect', signAuthnRequests: true },
      mapping: { preset: 'shibboleth', rules },
    };
  }

  /** Takes the metadata of a service provider; from now on its requests are answered. */
  trust(name, serviceProviderMetadata) {
    writeFileSync(join(this.folder, 'service-providers', `${name}.xml`), serviceProviderMetadata);
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

  stop() {
    return this.service.stop();
  }
}
