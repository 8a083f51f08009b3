// SAML responses written by hand, good ones and bad ones. Everything is written in canonical form, so that signing is digest and RSA.

import { createHash, createSign, randomBytes } from 'node:crypto';

const SAML = 'urn:oasis:names:tc:SAML:2.0:assertion';
const SAMLP = 'urn:oasis:names:tc:SAML:2.0:protocol';
const DS = 'http://www.w3.org/2000/09/xmldsig#';
const C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const BEARER = 'urn:oasis:names:tc:SAML:2.0:cm:bearer';
const PERSISTENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
const PASSWORD = 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport';
const SUCCESS = 'urn:oasis:names:tc:SAML:2.0:status:Success';
const METHODS = {
  sha256: { signature: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', digest: 'http://www.w3.org/2001/04/xmlenc#sha256' },
  sha1: { signature: `${DS}rsa-sha1`, digest: `${DS}sha1` },
};

export const newId = () => `_${randomBytes(16).toString('hex')}`;
const later = (seconds) => new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+/, '');

/** An assertion about somebody; each option is one of its parts. */
export function assertion({
  id = newId(), issuer, nameId, recipient, audience, inResponseTo,
  notBefore = -60, notOnOrAfter = 300, confirmedUntil = 300, attributes = {},
}) {
  const answers = inResponseTo ? `InResponseTo="${inResponseTo}" ` : '';
  const restriction = audience ? `<saml:AudienceRestriction><saml:Audience>${audience}</saml:Audience></saml:AudienceRestriction>` : '';
  return (
    `<saml:Assertion xmlns:saml="${SAML}" ID="${id}" IssueInstant="${later(0)}" Version="2.0"><saml:Issuer>${issuer}</saml:Issuer>` +
    `<saml:Subject><saml:NameID Format="${PERSISTENT}">${nameId}</saml:NameID><saml:SubjectConfirmation Method="${BEARER}">` +
    `<saml:SubjectConfirmationData ${answers}NotOnOrAfter="${later(confirmedUntil)}" Recipient="${recipient}"></saml:SubjectConfirmationData>` +
    `</saml:SubjectConfirmation></saml:Subject>` +
    `<saml:Conditions NotBefore="${later(notBefore)}" NotOnOrAfter="${later(notOnOrAfter)}">${restriction}</saml:Conditions>` +
    `<saml:AuthnStatement AuthnInstant="${later(-5)}" SessionIndex="${newId()}"><saml:AuthnContext>` +
    `<saml:AuthnContextClassRef>${PASSWORD}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>` +
    `<saml:AttributeStatement>${Object.entries(attributes).map(attribute).join('')}</saml:AttributeStatement></saml:Assertion>`
  );
}

const attribute = ([name, value]) =>
  `<saml:Attribute Name="${name}"><saml:AttributeValue>${value}</saml:AttributeValue></saml:Attribute>`;

/** A response around `content`. */
export function response({ id = newId(), issuer, destination, inResponseTo, status = SUCCESS, content }) {
  const answers = inResponseTo ? `InResponseTo="${inResponseTo}" ` : '';
  return (
    `<samlp:Response xmlns:samlp="${SAMLP}" Destination="${destination}" ID="${id}" ${answers}IssueInstant="${later(0)}" Version="2.0">` +
    `<saml:Issuer xmlns:saml="${SAML}">${issuer}</saml:Issuer>` +
    `<samlp:Status><samlp:StatusCode Value="${status}"></samlp:StatusCode></samlp:Status>${content}</samlp:Response>`
  );
}

/** `element` with an enveloped signature of its own behind its Issuer. `digested` is what is digested in its stead. */
export function sign(element, { key, certificate }, { hash = 'sha256', digested = element } = {}) {
  const id = /\bID="([^"]+)"/.exec(element)[1];
  const { signature, digest } = METHODS[hash];
  const value = createHash(hash).update(withoutComments(digested)).digest('base64');
  const signedInfo = (namespace) =>
    `<ds:SignedInfo${namespace}><ds:CanonicalizationMethod Algorithm="${C14N}"></ds:CanonicalizationMethod>` +
    `<ds:SignatureMethod Algorithm="${signature}"></ds:SignatureMethod><ds:Reference URI="#${id}"><ds:Transforms>` +
    `<ds:Transform Algorithm="${DS}enveloped-signature"></ds:Transform><ds:Transform Algorithm="${C14N}"></ds:Transform></ds:Transforms>` +
    `<ds:DigestMethod Algorithm="${digest}"></ds:DigestMethod><ds:DigestValue>${value}</ds:DigestValue></ds:Reference></ds:SignedInfo>`;
  const signed = createSign(hash).update(signedInfo(` xmlns:ds="${DS}"`)).sign(key, 'base64');
  const bare = certificate.replace(/-----[^-]+-----|\s/g, '');
  const block =
    `<ds:Signature xmlns:ds="${DS}">${signedInfo('')}<ds:SignatureValue>${signed}</ds:SignatureValue>` +
    `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>${bare}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>`;
  return element.replace('</saml:Issuer>', `</saml:Issuer>${block}`);
}

/** Canonicalisation leaves comments out. */
const withoutComments = (xml) => xml.replace(/<!--.*?-->/g, '');

export const signatureOf = (element) => /<ds:Signature .*?<\/ds:Signature>/.exec(element)[0];
