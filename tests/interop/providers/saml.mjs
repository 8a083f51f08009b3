// What both SAML identity providers of the tests have in common.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class SamlProvider {
  type = 'saml';
  #trusted;

  keepsMetadataIn(folder) {
    this.#trusted = join(folder, 'service-providers');
    mkdirSync(this.#trusted, { recursive: true });
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
    this.trust(new URL(broker).port, await response.text());
  }

  /** Takes the metadata of a service provider; from now on its requests are answered. */
  trust(name, metadata) {
    writeFileSync(join(this.#trusted, `${name}.xml`), metadata);
  }

  stop() {
    return this.service.stop();
  }
}
