// What can be wrong with a response, one fault at a time. A case gets { idp, other, sp, requestId } and answers XML.
//
// `good` cases must be accepted by everybody; `twice` ones are sent once before, by another visitor of the same request.

import { assertion, newId, response, sign, signatureOf } from './response.mjs';

const NAME = 'ada@hospital.example';
const EVIL = 'admin@hospital.example';

/** The parts of a good response; `change` overrides options of the assertion. */
function good({ idp, sp, requestId }, change = {}) {
  const parts = { issuer: idp.entityId, nameId: NAME, recipient: sp.acs, audience: sp.entityId, inResponseTo: requestId };
  return assertion({ ...parts, attributes: { mail: NAME }, ...change });
}

const around = ({ idp, sp, requestId }, content, change = {}) =>
  response({ issuer: idp.entityId, destination: sp.acs, inResponseTo: requestId, content, ...change });

/** A response with a signed assertion in which one option differs. */
const changed = (change, outer) => (world) => around(world, sign(good(world, change), world.idp), outer);

/** A good signed assertion, and the same person's evil twin, which nobody signed. */
function twins(world) {
  const genuine = sign(good(world), world.idp);
  const evil = good(world, { id: newId(), nameId: EVIL, attributes: { mail: EVIL } });
  return { genuine, evil };
}

export const CASES = [
  { name: 'assertion signed', good: true, make: changed({}) },
  { name: 'response signed', good: true, make: (world) => sign(around(world, good(world)), world.idp) },
  { name: 'both signed', good: true, make: (world) => sign(around(world, sign(good(world), world.idp)), world.idp) },

  { name: 'nothing signed', make: (world) => around(world, good(world)) },
  { name: 'signed by a stranger, whose certificate it carries', make: (world) => around(world, sign(good(world), world.other)) },
  { name: 'name changed after signing', make: (world) => around(world, sign(good(world), world.idp).replace(NAME, EVIL)) },
  { name: 'attribute changed after signing', make: (world) => around(world, sign(good(world), world.idp).replace(`${NAME}</saml:AttributeValue>`, `${EVIL}</saml:AttributeValue>`)) },
  { name: 'signature value of another document', make: transplanted },
  { name: 'signed with SHA-1', make: (world) => around(world, sign(good(world), world.idp, { hash: 'sha1' })) },
  { name: 'good assertion, bad signature of the response', make: (world) => sign(around(world, sign(good(world), world.idp)), world.other) },

  { name: 'another audience', make: changed({ audience: 'https://elsewhere.example/metadata' }) },
  { name: 'no audience', make: changed({ audience: undefined }) },
  { name: 'another recipient', make: changed({ recipient: 'https://elsewhere.example/acs' }) },
  { name: 'another destination', make: changed({}, { destination: 'https://elsewhere.example/acs' }) },
  { name: 'another destination, signed', make: (world) => sign(around(world, good(world), { destination: 'https://elsewhere.example/acs' }), world.idp) },
  { name: 'another issuer of the assertion', make: changed({ issuer: 'https://stranger.example/metadata' }) },
  { name: 'another issuer of the response', make: changed({}, { issuer: 'https://stranger.example/metadata' }) },
  { name: 'expired', make: changed({ notBefore: -7200, notOnOrAfter: -3600 }) },
  { name: 'not valid yet', make: changed({ notBefore: 3600, notOnOrAfter: 7200 }) },
  { name: 'confirmation expired', make: changed({ confirmedUntil: -3600 }) },
  { name: 'answers another request', make: (world) => changed({ inResponseTo: '_another' }, { inResponseTo: '_another' })(world) },
  { name: 'answers no request', make: changed({ inResponseTo: undefined }, { inResponseTo: undefined }) },
  { name: 'status says no', make: changed({}, { status: 'urn:oasis:names:tc:SAML:2.0:status:Responder' }) },
  { name: 'sent a second time', twice: true, make: changed({}) },

  { name: 'wrapped: evil twin before the signed assertion', make: (world) => wrap(world, ({ genuine, evil }) => evil + genuine) },
  { name: 'wrapped: evil twin behind the signed assertion', make: (world) => wrap(world, ({ genuine, evil }) => genuine + evil) },
  { name: 'wrapped: the signed assertion inside the evil one', make: (world) => wrap(world, inside) },
  { name: 'wrapped: the signed assertion inside the signature of the evil one', make: (world) => wrap(world, insideSignature) },
  { name: 'wrapped: the signed assertion among extensions', make: (world) => wrap(world, ({ genuine, evil }) => `<samlp:Extensions>${genuine}</samlp:Extensions>${evil}`) },
  { name: 'wrapped: the same ID twice', make: sameId },
  { name: 'comment inside the name', make: changed({ nameId: `${EVIL}<!-- -->.elsewhere.example` }) },
  { name: 'document type with an entity', make: (world) => `<!DOCTYPE r [<!ENTITY e "x">]>${changed({})(world)}` },
];

function wrap(world, arrange) {
  return around(world, arrange(twins(world)));
}

const inside = ({ genuine, evil }) => evil.replace('</saml:Assertion>', `${genuine}</saml:Assertion>`);

function insideSignature({ genuine, evil }) {
  const signature = signatureOf(genuine);
  const holder = signature.replace('</ds:Signature>', `<ds:Object>${genuine.replace(signature, '')}</ds:Object></ds:Signature>`);
  return evil.replace('</saml:Issuer>', `</saml:Issuer>${holder}`);
}

function sameId(world) {
  const id = newId();
  const genuine = sign(good(world, { id }), world.idp);
  return around(world, good(world, { id, nameId: EVIL }) + genuine);
}

/** The signature of one assertion on another with the same ID. */
function transplanted(world) {
  const id = newId();
  const signature = signatureOf(sign(good(world, { id }), world.idp));
  const evil = good(world, { id, nameId: EVIL });
  return around(world, evil.replace('</saml:Issuer>', `</saml:Issuer>${signature}`));
}
