// Upstream SAML: pysaml2, with a small server of our own around it.

import { join } from 'node:path';
import { freePort, Service } from '../lib/process.mjs';
import { makeKeyPair } from '../lib/keys.mjs';
import { SamlProvider } from './saml.mjs';

export const PYTHON = join(import.meta.dirname, '..', '.venv', 'bin', 'python');
const PROGRAM = join(import.meta.dirname, 'pysaml2', 'idp.py');

export class PySaml2 extends SamlProvider {
  id = 'pysaml2';
  name = 'pysaml2';

  static async start({ folder, logs, directory }) {
    const self = new PySaml2();
    self.keepsMetadataIn(folder);
    self.keys = await makeKeyPair(folder, 'pysaml2');
    const port = await freePort();
    self.url = `http://127.0.0.1:${port}`;
    self.metadataUrl = `${self.url}/metadata`;
    self.service = new Service(self.name, PYTHON, [PROGRAM, String(port), folder, directory.file], {
      logFile: join(logs, 'pysaml2.log'),
      env: { PYTHONUNBUFFERED: '1' },
    });
    await self.service.ready(self.metadataUrl);
    return self;
  }

  /** The IdentityProvider resource of the broker: by the three names, inside an organization. */
  async resource({ rules, organization }) {
    return {
      resourceType: 'IdentityProvider',
      id: this.id,
      type: 'saml',
      name: this.name,
      organization,
      configuration: {
        entityId: this.metadataUrl,
        ssoUrl: `${this.url}/sso`,
        sloUrl: `${this.url}/slo`,
        x509Certificate: this.keys.pem,
        nameIdFormat: 'persistent',
        ...this.manner(),
      },
      mapping: {
        preset: 'none',
        attributes: {
          // The names that pysaml2 gives in the `basic` name format; `username` and `groups` are found as they are.
          givenName: 'urn:mace:dir:attribute-def:givenName',
          familyName: ['urn:mace:dir:attribute-def:surname', 'urn:mace:dir:attribute-def:sn'],
          email: ['urn:mace:dir:attribute-def:mail'],
        },
        rules: rules.map((rule) => ({ ...rule, organization })),
      },
    };
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
}
