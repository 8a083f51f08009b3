// An identity provider that answers whatever a test wants it to. Nobody signs in here: it has names and a key.

import { readFileSync } from 'node:fs';
import { makeKeyPair } from '../lib/keys.mjs';

const REDIRECT = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';
const URL = 'http://127.0.0.1:9'; // nobody listens there

export class Forger {
  id = 'forger';
  type = 'saml';
  name = 'Forger';
  entityId = `${URL}/metadata`;
  ssoUrl = `${URL}/sso`;

  static async start(folder) {
    const self = new Forger();
    [self.keys, self.strangersKeys] = await Promise.all(['forger', 'stranger'].map((name) => makeKeyPair(folder, name)));
    return self;
  }

  get idp() {
    return { entityId: this.entityId, key: readFileSync(this.keys.key), certificate: this.keys.pem };
  }

  get other() {
    return { key: readFileSync(this.strangersKeys.key), certificate: this.strangersKeys.pem };
  }

  async metadata() {
    const certificate = this.keys.pem.replace(/-----[^-]+-----|\s/g, '');
    return `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${this.entityId}">
      <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing">
      <ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>${certificate}</ds:X509Certificate>
      </ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService Binding="${REDIRECT}" Location="${this.ssoUrl}"/>
      </md:IDPSSODescriptor></md:EntityDescriptor>`;
  }

  /** The IdentityProvider resource of the broker; every switch as it comes. */
  async resource() {
    const configuration = { metadataXml: await this.metadata() };
    return { resourceType: 'IdentityProvider', id: this.id, type: 'saml', name: this.name, configuration, mapping: { preset: 'none' } };
  }

  async meet() {}
}
