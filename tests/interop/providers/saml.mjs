// What all SAML identity providers of the tests have in common.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class SamlProvider {
  type = 'saml';
  /** How the broker asks. */
  ssoBinding = 'redirect';
  /** Whether assertions come encrypted. */
  encrypts = false;
  /** Further settings of the IdentityProvider resource while it encrypts. */
  sealedSettings = {};

  keepsMetadataIn(folder) {
    this.trusted = join(folder, 'service-providers');
    mkdirSync(this.trusted, { recursive: true });
  }

  /**
   * The same running software as another IdentityProvider of the broker: asked by POST, answering with encrypted
   * assertions. It tells the two apart by our entityID, as products do: `-sealed` in it means that it shall encrypt.
   */
  sealed() {
    const changes = { id: `${this.id}-sealed`, name: `${this.name}, sealed`, ssoBinding: 'post', encrypts: true };
    return Object.assign(Object.create(this), changes);
  }

  /** The part of the `configuration` that says how the two talk. */
  manner() {
    const { ssoBinding, encrypts } = this;
    const sealed = encrypts ? { wantAssertionsEncrypted: true, ...this.sealedSettings } : {};
    return { ssoBinding, signAuthnRequests: true, ...sealed };
  }

  /** Its metadata, as XML. */
  async metadata() {
    return (await fetch(this.metadataUrl)).text();
  }

  /** Where a login at this provider comes back to. */
  answerAddress(broker) {
    return `${broker}/saml/${this.id}/acs`;
  }

  /** Fetches the metadata of the broker at this address and trusts it. */
  async meet(broker) {
    const response = await fetch(`${broker}/saml/${this.id}/metadata`);
    if (!response.ok) throw new Error(`${response.url} answers ${response.status}`);
    await this.trust(`${new URL(broker).port}-${this.id}`, await response.text());
  }

  /** Takes the metadata of a service provider; from now on its requests are answered. */
  async trust(name, metadata) {
    writeFileSync(join(this.trusted, `${name}.xml`), metadata);
  }

  stop() {
    return this.service.stop();
  }
}
