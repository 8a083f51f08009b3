// Everything a story may need, started once; what only some stories need is started when first asked for.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LemonLdap } from '../providers/lemonldap.mjs';
import { OidcProvider } from '../providers/oidc-provider.mjs';
import { PySaml2 } from '../providers/pysaml2.mjs';
import { Samlify } from '../providers/samlify.mjs';
import { Samlp } from '../providers/samlp.mjs';
import { SimpleSamlPhp } from '../providers/simplesamlphp.mjs';
import { Browser, launchChromium } from './browser.mjs';
import { Directory } from './directory.mjs';
import { Mellon } from './mellon.mjs';
import { Postgres } from './postgres.mjs';
import { Site } from './site.mjs';

export class World {
  #onPostgres;
  #browsers = [];
  #running = [];
  #postgres;
  #site;

  static async start({ postgres }) {
    const self = new World();
    self.#onPostgres = postgres;
    self.folder = mkdtempSync(join(tmpdir(), 'medict-interop-'));
    self.logs = self.inFolder('logs');
    self.pictures = self.inFolder('pictures');
    self.directory = new Directory(join(self.folder, 'people.json'));
    try {
      self.providers = await Promise.all([
        self.#provider(SimpleSamlPhp, 'simplesamlphp'),
        self.#provider(LemonLdap, 'lemonldap'),
        self.#provider(PySaml2, 'pysaml2'),
        self.#provider(Samlify, 'samlify'),
        self.#provider(Samlp, 'samlp'),
        self.#provider(OidcProvider, 'oidc-provider'),
      ]);
      const saml = self.providers.filter(({ type }) => type === 'saml');
      self.providers.push(...saml.map((provider) => provider.sealed()));
      self.chromium = await launchChromium();
    } catch (error) {
      await self.stop();
      throw error;
    }
    return self;
  }

  inFolder(name) {
    const folder = join(this.folder, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  async #provider(Kind, name) {
    const { logs, directory } = this;
    return this.#keep(await Kind.start({ folder: this.inFolder(name), logs, directory }));
  }

  #keep(part) {
    this.#running.push(part);
    return part;
  }

  provider(id) {
    return this.providers.find((provider) => provider.id === id);
  }

  /** The installation that most stories play in: one node. */
  site() {
    return (this.#site ??= this.newSite({ name: 'medict', onPostgres: this.#onPostgres }));
  }

  async newSite({ name, onPostgres, nodes, providers = this.providers }) {
    const { folder, logs } = this;
    const databaseUrl = onPostgres ? await (await this.postgres()).database() : undefined;
    return this.#keep(await Site.start({ name, folder, logs, providers, databaseUrl, nodes }));
  }

  /** Another service provider, which trusts the providers with these metadata. */
  async mellon(metadata) {
    return this.#keep(await Mellon.start({ logs: this.logs, metadata }));
  }

  postgres() {
    return (this.#postgres ??= Postgres.start({ logs: this.logs }).then((postgres) => this.#keep(postgres)));
  }

  /** A browser without any past. */
  async browser() {
    const browser = await Browser.open(this.chromium);
    this.#browsers.push(browser);
    return browser;
  }

  async closeBrowsers() {
    await Promise.all(this.#browsers.splice(0).map((browser) => browser.close()));
  }

  /** What the browsers show, for a failure's report. */
  async takePictures(name) {
    for (const [index, browser] of this.#browsers.entries()) await browser.takePicture(this.pictures, `${name}-${index + 1}`);
  }

  /** Ends everything, last started first. Answers what did not end as it should. */
  async stop() {
    await this.chromium?.close();
    const problems = [];
    for (const part of this.#running.splice(0).reverse()) await part.stop().catch((error) => problems.push(error));
    return problems;
  }

  forget() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
