// Upstream SAML: LemonLDAP::NG (on the Lasso library), from the Debian package, under plackup.
//
// Its people come from the directory by its own REST modules. Everything it writes is in the folder of the tests.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, Service } from '../lib/process.mjs';
import { makeKeyPair } from '../lib/keys.mjs';
import { sendJson } from '../lib/web.mjs';
import { SamlProvider } from './saml.mjs';

const PROGRAM = join(import.meta.dirname, 'lemonldap', 'portal.psgi');
const URI = 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri';
const FOLDERS = ['conf', 'sessions', 'sessions/lock', 'persistent', 'persistent/lock', 'saml', 'saml/lock', 'cache', 'captcha', 'notifications'];

export class LemonLdap extends SamlProvider {
  id = 'lemonldap';
  name = 'LemonLDAP::NG';
  /** Lasso knows no other mode of AES than CBC. */
  sealedSettings = { allowCbc: true };
  /** It asks for the password first and looks at the request's signature then. */
  asksBeforeItChecks = true;
  running = {};

  static async start({ folder, logs, directory }) {
    const self = new LemonLdap();
    Object.assign(self, { folder, logs });
    self.keepsMetadataIn(folder);
    for (const name of FOLDERS) mkdirSync(join(folder, name));
    self.keys = await makeKeyPair(folder, 'lemonldap');
    self.people = await serveDirectory(directory);
    self.port = await freePort();
    self.url = `http://127.0.0.1:${self.port}`;
    self.metadataUrl = `${self.url}/saml/metadata`;
    writeFileSync(join(folder, 'lemonldap-ng.ini'), initialization(folder));
    await self.serve();
    return self;
  }

  /** With all service providers known by now: it is told of new ones by being started again. */
  async serve() {
    await this.running.service?.stop();
    writeFileSync(join(this.folder, 'conf', 'lmConf-1.json'), JSON.stringify(this.configuration(), null, 2));
    const service = new Service(this.name, 'plackup', ['--host', '127.0.0.1', '--port', this.port, '--env', 'deployment', PROGRAM], {
      logFile: join(this.logs, 'lemonldap.log'),
      env: { LLNG_DEFAULTCONFFILE: join(this.folder, 'lemonldap-ng.ini') },
    });
    this.running.service = service;
    await service.ready(this.metadataUrl, 30);
  }

  async trust(name, metadata) {
    await super.trust(name, metadata);
    await this.serve();
  }

  configuration() {
    const known = readdirSync(this.trusted).map((file) => [file.replace('.xml', ''), readFileSync(join(this.trusted, file), 'utf8')]);
    const each = (what) => Object.fromEntries(known.map(([name, metadata]) => [name, what(metadata)]));
    const keptIn = (name) => ({ Directory: join(this.folder, name), LockDirectory: join(this.folder, name, 'lock') });
    return {
      cfgNum: 1,
      cfgAuthor: 'interop',
      cfgDate: String(Math.floor(Date.now() / 1000)),
      cfgVersion: '2.16.1',
      domain: '127.0.0.1',
      portal: `${this.url}/`,
      securedCookie: 0,
      sameSite: 'Lax', // by itself it says None, for which browsers demand https
      checkXSS: 1,
      authentication: 'REST',
      userDB: 'REST',
      passwordDB: 'Null',
      restAuthUrl: `${this.people.url}/authenticate`,
      restUserDBUrl: `${this.people.url}/find`,
      whatToTrace: 'uid',
      exportedVars: {},
      locationRules: {},
      globalStorage: 'Apache::Session::File',
      globalStorageOptions: keptIn('sessions'),
      persistentStorage: 'Apache::Session::File',
      persistentStorageOptions: keptIn('persistent'),
      samlStorage: 'Apache::Session::File',
      samlStorageOptions: keptIn('saml'),
      portalDisplayRegister: 0,
      portalDisplayResetPassword: 0,
      issuerDBSAMLActivation: 1,
      issuerDBSAMLPath: '^/saml/',
      issuerDBSAMLRule: 1,
      samlServicePrivateKeySig: readFileSync(this.keys.key, 'utf8'),
      samlServicePublicKeySig: this.keys.pem,
      samlServiceUseCertificateInResponse: 1,
      samlServiceSignatureMethod: 'RSA_SHA256',
      samlSPMetaDataXML: each((metadata) => ({ samlSPMetaDataXML: metadata })),
      samlSPMetaDataOptions: each((metadata) => ({
        samlSPMetaDataOptionsCheckSSOMessageSignature: 1,
        samlSPMetaDataOptionsCheckSLOMessageSignature: 1,
        samlSPMetaDataOptionsSignSSOMessage: 1,
        samlSPMetaDataOptionsSignSLOMessage: 1,
        samlSPMetaDataOptionsSignatureMethod: 'RSA_SHA256',
        samlSPMetaDataOptionsNameIDFormat: 'persistent',
        samlSPMetaDataOptionsEncryptionMode: /entityID="[^"]*-sealed\//.test(metadata) ? 'assertion' : 'none',
      })),
      samlSPMetaDataExportedAttributes: each(() => ATTRIBUTES),
    };
  }

  /** The IdentityProvider resource of the broker: by the metadata as a text, as an administrator would paste it. */
  async resource({ rules }) {
    return {
      resourceType: 'IdentityProvider',
      id: this.id,
      type: 'saml',
      name: this.name,
      configuration: { metadataXml: await this.metadata(), nameIdFormat: 'persistent', ...this.manner() },
      mapping: {
        preset: 'none',
        attributes: { username: 'uid', email: 'mail', givenName: 'givenName', familyName: 'sn', groups: 'groups' },
        rules,
      },
    };
  }

  async enterPassword(page, username, password) {
    await page.locator('input[name=user]').fill(username);
    await page.locator('input[name=password]').fill(password);
    await page.locator('button[type=submit]').first().click();
  }

  async refuses(page) {
    await page.getByText('Wrong credentials').first().waitFor();
  }

  /** The person signs out at the provider. */
  async signOut(page) {
    await page.goto(`${this.url}/?logout=1`);
    // It tells the service providers by an image each on this page.
    await page.getByText('Logout from service providers').waitFor();
    await page.waitForLoadState('load');
  }

  async stop() {
    this.people.server.close();
    this.people.server.closeAllConnections();
    await this.running.service.stop();
  }
}

/** What is kept of a person → "mandatory;name;format;friendly name". */
const ATTRIBUTES = Object.fromEntries(['uid', 'mail', 'givenName', 'sn', 'groups'].map((name) => [name, `0;${name};${URI};`]));

const initialization = (folder) => `[all]
logLevel = notice
[configuration]
type = File
dirName = ${folder}/conf
localStorage = Cache::FileCache
localStorageOptions = { 'namespace' => 'interop', 'default_expires_in' => 600, 'cache_root' => '${folder}/cache', 'cache_depth' => 1 }
[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = en
[handler]
`;

/** The directory as the REST modules of LemonLDAP::NG want to be told. */
async function serveDirectory(directory) {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const { user, password } = JSON.parse(body);
    const person = request.url === '/authenticate' ? directory.find(user, password) : directory.named(user);
    if (!person) return sendJson(response, 200, { result: false });
    const { username, givenName, familyName, email, groups } = person;
    const info = { uid: username, givenName, sn: familyName, mail: email, groups: groups.join('; ') };
    return sendJson(response, 200, { result: true, info });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${server.address().port}` };
}
