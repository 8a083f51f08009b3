// One installation: the broker (one node or several), an application of its own, and what both know of each other.

import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { stringify } from 'yaml';
import { Application } from './application.mjs';
import { Broker } from './broker.mjs';
import { Crossroads } from './crossroads.mjs';
import { eventually, freePort } from './process.mjs';

const ORGANIZATION = { reference: 'Organization/general-hospital' };
export const PHYSICIANS = 'GG-Physicians';
export const NURSES = 'GG-Nurses';

const rules = [
  { when: `'${PHYSICIANS}' in identity.groups`, role: { reference: 'Role/physician' } },
  { when: `'${NURSES}' in identity.groups`, role: { reference: 'Role/nurse' } },
];

export class Site {
  nodes = [];

  /** Brings up `nodes` brokers on one database, configured for all providers, and introduces everybody. */
  static async start({ name, folder, logs, providers, databaseUrl, nodes = 1 }) {
    const self = new Site();
    Object.assign(self, { name, folder });
    const port = await freePort();
    self.url = `http://localhost:${port}`;
    self.application = await Application.start({
      clientId: 'application',
      clientSecret: randomBytes(24).toString('base64url'),
      scope: 'openid profile email roles',
    });

    const ports = nodes === 1 ? [port] : await Promise.all(Array.from({ length: nodes }, freePort));
    self.nodes = ports.map((port, index) => {
      const dataDirectory = join(folder, `${name}-data-${index}`);
      return new Broker({ name: `${name}-${index}`, publicUrl: self.url, port, dataDirectory, databaseUrl, logs });
    });
    try {
      await self.#bringUp({ port, providers, file: join(folder, `${name}.yaml`) });
    } catch (error) {
      await self.stop().catch(() => {}); // the first error is the one to tell
      throw error;
    }
    return self;
  }

  async #bringUp({ port, providers, file }) {
    writeFileSync(file, await resources(this.application, providers), { mode: 0o600 });
    const [first, ...others] = this.nodes;
    await first.apply(file);
    for (const node of others) {
      // Another machine gets the same master key; nothing else is shared but the database.
      cpSync(first.settings.MEDICT_DATA_DIR, node.settings.MEDICT_DATA_DIR, { recursive: true });
    }
    for (const node of this.nodes) await node.serve();
    if (others.length > 0) this.crossroads = await Crossroads.start(port, this.nodes);
    for (const provider of providers) await provider.meet(this.url);
    await this.application.meet(this.url);
  }

  /**
   * Further applications of the hospital, and other resources that say what they are; answers when every running node
   * knows the first, an application with a redirect URI.
   */
  async introduce(...applications) {
    const [{ id, redirectUris }] = applications;
    const file = join(this.folder, `${this.name}-${id}.yaml`);
    const ours = (one) => ({ resourceType: 'ClientApplication', name: one.id, organization: ORGANIZATION, ...one });
    const whole = (one) => (one.resourceType ? one : ours(one));
    writeFileSync(file, applications.map((one) => stringify(whole(one))).join('---\n'), { mode: 0o600 });
    await this.nodes[0].apply(file);
    // An application that is known is told of every mistake; for an unknown one the broker shows a page of its own.
    const query = new URLSearchParams({ client_id: id, redirect_uri: redirectUris[0] });
    const known = async ({ url }) => {
      const answer = await fetch(`${url}/oauth2/authorize?${query}`, { redirect: 'manual' });
      return answer.headers.get('location')?.startsWith(redirectUris[0]);
    };
    for (const node of this.nodes) await eventually(`${node.name} knows ${id}`, () => known(node));
  }

  async stop() {
    await this.crossroads?.stop();
    await this.application.stop();
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}

/** The file for `medict apply`. */
async function resources(application, providers) {
  const documents = [
    { resourceType: 'Organization', id: 'general-hospital', name: 'General Hospital' },
    {
      resourceType: 'Role',
      id: 'physician',
      name: 'Physician',
      permissions: [{ resource: 'Patient', actions: ['read', 'write'] }],
    },
    { resourceType: 'Role', id: 'nurse', name: 'Nurse', permissions: [{ resource: 'Patient', actions: ['read'] }] },
    ...(await Promise.all(providers.map((provider) => provider.resource({ rules, organization: ORGANIZATION })))),
    {
      resourceType: 'ClientApplication',
      id: application.clientId,
      name: 'Interop application',
      clientType: 'confidential',
      secret: application.clientSecret,
      tokenEndpointAuthMethod: 'client_secret_basic',
      redirectUris: [application.redirectUri],
      postLogoutRedirectUris: [application.signedOutUri],
      grantTypes: ['authorization_code', 'refresh_token'],
      scopes: application.scope.split(' '),
      organization: ORGANIZATION,
    },
  ];
  return documents.map((document) => stringify(document)).join('---\n');
}
