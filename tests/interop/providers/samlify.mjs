// Upstream SAML: samlify (npm).
//
// It signs the assertion; towards a service provider that wants encryption it encrypts that and signs the response around it.

import { randomUUID } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import samlify from 'samlify';
import { escapeHtml } from '../lib/web.mjs';
import { LibraryProvider, isSealed } from './node/library_provider.mjs';
import { postingPage } from './node/login_site.mjs';
import { firstOf } from './node/xml.mjs';

const PERSISTENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
const BASIC = 'urn:oasis:names:tc:SAML:2.0:attrname-format:basic';
const PASSWORD = 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport';

// It insists on a schema validator and brings none. What is tested here is what it sends, so it may read without.
samlify.setSchemaValidator({ validate: async () => 'not checked' });

export class Samlify extends LibraryProvider {
  id = 'samlify';
  name = 'samlify';

  software() {
    return {
      metadata: () => this.identityProvider(false).getMetadata(),
      readRequest: (message) => this.readRequest(message),
      answer: (asked, person, relayState) => this.answer(asked, person, relayState),
      logout: (message, session, end) => this.logout(message, session, end),
    };
  }

  identityProvider(sealed) {
    const both = (path) => ['redirect', 'post'].map((binding) => ({ Binding: samlify.Constants.namespace.binding[binding], Location: this.url + path }));
    return samlify.IdentityProvider({
      entityID: `${this.url}/metadata`,
      privateKey: this.keys.key,
      signingCert: this.keys.pem,
      requestSignatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
      wantAuthnRequestsSigned: true,
      wantLogoutRequestSigned: true,
      wantLogoutResponseSigned: true,
      nameIDFormat: [PERSISTENT],
      singleSignOnService: both('/sso'),
      singleLogoutService: both('/slo'),
      isAssertionEncrypted: sealed,
      dataEncryptionAlgorithm: 'http://www.w3.org/2009/xmlenc11#aes256-gcm',
      keyEncryptionAlgorithm: 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
    });
  }

  async readRequest({ binding, query, parameters, form }) {
    const { idp, sp, entityId } = this.#pair(firstOf(decoded(binding, parameters.SAMLRequest ?? form.SAMLRequest), 'Issuer'));
    const octetString = query.replace(/&Signature=[^&]*/, '');
    const asked = await idp.parseLoginRequest(sp, binding, { query: parameters, body: form, octetString });
    return { idp, sp, asked, entityId };
  }

  async answer({ idp, sp, asked, entityId }, person, relayState) {
    const sessionIndex = `_${randomUUID()}`;
    const response = await idp.createLoginResponse(sp, asked, 'post', person, {
      relayState,
      encryptThenSign: isSealed(entityId), // the other order leaves a response signature that nobody can verify
      customTagReplacement: (template) => filledIn(template, { idp, sp, asked, person, sessionIndex }),
    });
    const { context, entityEndpoint } = response;
    const participant = { entityId, nameId: `samlify-${person.username}`, sessionIndex };
    return { page: postingPage(entityEndpoint, { SAMLResponse: context, RelayState: relayState }), participant };
  }

  /** One step of a single logout: a request of ours or of a service provider, or the answer to ours. */
  async logout({ binding, query, parameters, form, RelayState }, session, end) {
    const octetString = query.replace(/&Signature=[^&]*/, '');
    const request = { query: parameters, body: form, octetString };
    const message = { ...parameters, ...form };
    if (message.SAMLResponse) {
      const { idp, sp } = this.#pair(firstOf(decoded(binding, message.SAMLResponse), 'Issuer'));
      await idp.parseLogoutResponse(sp, binding, request);
      session.participants.shift();
    } else if (message.SAMLRequest) {
      const { idp, sp, entityId } = this.#pair(firstOf(decoded(binding, message.SAMLRequest), 'Issuer'));
      const { extract } = await idp.parseLogoutRequest(sp, binding, request);
      session.participants = session.participants.filter((one) => one.entityId !== entityId);
      end();
      return { location: idp.createLogoutResponse(sp, { extract }, 'redirect', RelayState).context };
    }
    const [next] = session.participants;
    if (!next) return end();
    const { idp, sp } = this.#pair(next.entityId);
    const user = { logoutNameID: next.nameId, sessionIndex: next.sessionIndex };
    return { location: idp.createLogoutRequest(sp, 'redirect', user, '').context };
  }

  #pair(entityId) {
    const sealed = isSealed(entityId);
    const sp = samlify.ServiceProvider({ metadata: this.serviceProvider(entityId), wantMessageSigned: sealed, wantLogoutRequestSigned: true, wantLogoutResponseSigned: true });
    return { idp: this.identityProvider(sealed), sp, entityId };
  }

  /** The IdentityProvider resource of the broker: by the metadata as a text, attribute names by hand. */
  async resource({ rules }) {
    return {
      resourceType: 'IdentityProvider',
      id: this.id,
      type: 'saml',
      name: this.name,
      configuration: { metadataXml: await this.metadata(), nameIdFormat: 'persistent', ...this.manner() },
      mapping: {
        preset: 'none',
        attributes: { username: 'username', email: 'mail', givenName: 'firstName', familyName: 'lastName', groups: 'memberOf' },
        rules,
      },
    };
  }
}

const decoded = (binding, message) => {
  const bytes = Buffer.from(message, 'base64');
  return (binding === 'redirect' ? inflateRawSync(bytes) : bytes).toString();
};

/** samlify's own template, filled in as its documentation shows. */
function filledIn(template, { idp, sp, asked, person, sessionIndex }) {
  const [now, later] = [new Date(), new Date(Date.now() + 300_000)].map((date) => date.toISOString());
  const acs = sp.entityMeta.getAssertionConsumerService('post');
  const id = `_${randomUUID()}`;
  const context = samlify.SamlLib.replaceTagsByValue(
    template.replace('{AuthnStatement}', authnStatement(now, sessionIndex)).replace('{AttributeStatement}', attributeStatement(person)),
    {
      ID: id,
      AssertionID: `_${randomUUID()}`,
      Issuer: idp.entityMeta.getEntityID(),
      IssueInstant: now,
      Destination: acs,
      SubjectRecipient: acs,
      Audience: sp.entityMeta.getEntityID(),
      InResponseTo: asked.extract.request.id,
      StatusCode: samlify.Constants.StatusCode.Success,
      ConditionsNotBefore: now,
      ConditionsNotOnOrAfter: later,
      SubjectConfirmationDataNotOnOrAfter: later,
      NameIDFormat: PERSISTENT,
      NameID: `samlify-${person.username}`,
    },
  );
  return { id, context };
}

const authnStatement = (now, sessionIndex) =>
  `<saml:AuthnStatement AuthnInstant="${now}" SessionIndex="${sessionIndex}"><saml:AuthnContext>` +
  `<saml:AuthnContextClassRef>${PASSWORD}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`;

function attributeStatement({ username, email, givenName, familyName, groups }) {
  const attribute = ([name, values]) =>
    `<saml:Attribute Name="${name}" NameFormat="${BASIC}">` +
    values.map((value) => `<saml:AttributeValue>${escapeHtml(value)}</saml:AttributeValue>`).join('') +
    '</saml:Attribute>';
  const all = { username: [username], mail: [email], firstName: [givenName], lastName: [familyName], memberOf: groups };
  return `<saml:AttributeStatement>${Object.entries(all).map(attribute).join('')}</saml:AttributeStatement>`;
}
