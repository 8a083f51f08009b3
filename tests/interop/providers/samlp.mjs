// Upstream SAML: samlp (npm), the library behind Auth0's identity provider, with claims named as AD FS names them.
//
// It signs the response alone; towards a service provider that wants encryption, the assertion alone, before encrypting.

import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import samlp from 'samlp';
import SessionParticipants from 'samlp/lib/sessionParticipants/index.js';
import { LibraryProvider, isSealed } from './node/library_provider.mjs';
import { postingPage } from './node/login_site.mjs';
import { firstOf, logoutAddress } from './node/xml.mjs';

const parseRequest = promisify(samlp.parseRequest);
const getSamlResponse = promisify(samlp.getSamlResponse);
const CLAIMS = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims';
const REDIRECT = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';
const PERSISTENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';

export class Samlp extends LibraryProvider {
  id = 'samlp';
  name = 'samlp';

  software() {
    return {
      metadata: () => this.describe(),
      readRequest: (message) => this.readRequest(message),
      answer: (asked, person, relayState) => this.answer(asked, person, relayState),
      logout: (message, session, end) => this.logout(message, session, end),
    };
  }

  /** Its own metadata middleware, asked as by a web server. */
  describe() {
    let xml;
    const middleware = samlp.metadata({
      issuer: `${this.url}/metadata`,
      cert: this.keys.pem,
      redirectEndpointPath: '/sso',
      postEndpointPath: '/sso',
      logoutEndpointPaths: { redirect: '/slo', post: '/slo' },
    });
    middleware({ protocol: 'http', headers: { host: new URL(this.url).host } }, { set() {}, send: (body) => (xml = body) });
    return xml;
  }

  async readRequest({ parameters, form, RelayState }) {
    const request = { query: parameters, body: form, method: form.SAMLRequest ? 'POST' : 'GET' };
    const { issuer } = await parseRequest(request, {});
    const metadata = this.serviceProvider(issuer);
    const signingCert = firstOf(metadata, 'X509Certificate');
    const asked = await parseRequest(request, { signingCert, relayState: RelayState });
    return { id: asked.id, entityId: issuer, acs: asked.assertionConsumerServiceURL, metadata };
  }

  async answer({ id, entityId, acs, metadata }, person, relayState) {
    const sealed = isSealed(entityId);
    const sessionIndex = `_${randomUUID()}`;
    const xml = await getSamlResponse(
      {
        issuer: `${this.url}/metadata`,
        cert: this.keys.pem,
        key: this.keys.key,
        signatureAlgorithm: 'rsa-sha256',
        digestAlgorithm: 'sha256',
        signResponse: !sealed,
        signAssertion: sealed,
        audience: entityId,
        recipient: acs,
        destination: acs,
        inResponseTo: id,
        sessionIndex,
        lifetimeInSeconds: 300,
        authnContextClassRef: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
        profileMapper: claimsOf,
        ...(sealed && encryptionFor(metadata)),
      },
      person,
    );
    const participant = asParticipant({ entityId, metadata, nameId: `samlp-${person.username}`, sessionIndex });
    const page = postingPage(acs, { SAMLResponse: Buffer.from(xml).toString('base64'), RelayState: relayState });
    return { page, participant };
  }

  /** One step of its own logout middleware, asked as by a web server. */
  logout({ parameters, form }, session, end) {
    session.flow ??= new Map();
    const middleware = samlp.logout({
      issuer: `${this.url}/metadata`,
      cert: this.keys.pem,
      key: this.keys.key,
      deflate: true,
      protocolBinding: REDIRECT,
      signatureAlgorithm: 'rsa-sha256',
      digestAlgorithm: 'sha256',
      sessionParticipants: new SessionParticipants(session.participants),
      store: remembering(session.flow),
      clearIdPSession: (done) => {
        end();
        done();
      },
    });
    return new Promise((resolve, reject) => {
      const response = {
        set() {},
        redirect: (...rest) => resolve({ location: rest.at(-1) }),
        send: (page) => resolve(typeof page === 'string' ? { page } : undefined),
      };
      middleware({ query: parameters, body: form, method: 'GET' }, response, reject);
    });
  }

  /** The IdentityProvider resource of the broker: by the address of the metadata, claims as of AD FS. */
  async resource({ rules }) {
    return {
      resourceType: 'IdentityProvider',
      id: this.id,
      type: 'saml',
      name: this.name,
      configuration: { metadataUrl: this.metadataUrl, nameIdFormat: 'persistent', ...this.manner() },
      mapping: { preset: 'adfs', rules },
    };
  }
}

/** Encryption with what it takes by itself: AES-256-GCM under RSA-OAEP. */
function encryptionFor(metadata) {
  const certificate = metadata.split('use="encryption"')[1];
  const pem = firstOf(certificate, 'X509Certificate').match(/.{1,64}/g).join('\n');
  const encryptionCert = `-----BEGIN CERTIFICATE-----\n${pem}\n-----END CERTIFICATE-----\n`;
  return { encryptionCert, encryptionPublicKey: encryptionCert };
}

const claimsOf = (person) => ({
  getClaims: () => ({
    [`${CLAIMS}/upn`]: person.email,
    [`${CLAIMS}/emailaddress`]: person.email,
    [`${CLAIMS}/givenname`]: person.givenName,
    [`${CLAIMS}/surname`]: person.familyName,
    'http://schemas.xmlsoap.org/claims/Group': person.groups,
  }),
  getNameIdentifier: () => ({ nameIdentifier: `samlp-${person.username}`, nameIdentifierFormat: PERSISTENT }),
});

const asParticipant = ({ entityId, metadata, nameId, sessionIndex }) => ({
  serviceProviderId: entityId,
  nameId,
  nameIdFormat: PERSISTENT,
  sessionIndex,
  serviceProviderLogoutURL: logoutAddress(metadata, REDIRECT),
  cert: firstOf(metadata, 'X509Certificate'),
  binding: REDIRECT,
});

/** What its middleware wants to remember from one request to the next. */
const remembering = (kept) => ({
  save: (_, state, done) => {
    const handle = randomUUID();
    kept.set(handle, state);
    done(null, handle);
  },
  load: (_, handle, options, done = options) => done(null, kept.get(handle)),
  update: (_, handle, state, done) => done(null, kept.set(handle, state)),
});
