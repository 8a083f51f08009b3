// Verifies the benchmark's documents with node-saml.
//
//   verify.mjs FOLDER     prints JSON: case → microseconds of processor time per response, or why it is refused

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SAML, ValidateInResponseTo } from '@node-saml/node-saml';

const folder = process.argv[2];
const read = (name) => readFileSync(join(folder, name), 'utf8');
const meta = JSON.parse(read('meta.json'));
const SECONDS = 1;

// The clock stands at the documents' time.
const [RealDate, now] = [Date, meta.now * 1000];
globalThis.Date = class extends RealDate {
  constructor(...from) {
    super(...(from.length === 0 ? [now] : from));
  }
  static now = () => now;
};

/** Knows the one request, and still does when it was answered. */
const requests = {
  saveAsync: async () => null,
  getAsync: async (id) => (id === meta.inResponseTo ? new Date(now - 1000).toISOString() : null),
  removeAsync: async () => null,
};

const verifier = (certificate) =>
  new SAML({
    callbackUrl: meta.acs,
    issuer: meta.spEntityId,
    audience: meta.spEntityId,
    idpIssuer: meta.idpEntityId,
    idpCert: certificate,
    decryptionPvk: read('sp.key.pem'),
    wantAssertionsSigned: false, // or the response, as ours has it; one of them must be
    wantAuthnResponseSigned: false,
    validateInResponseTo: ValidateInResponseTo.always,
    cacheProvider: requests,
  });

async function measure(file) {
  const saml = verifier(read(`${file}.crt`));
  const container = { SAMLResponse: read(`${file}.b64`) };
  try {
    const { profile } = await saml.validatePostResponseAsync(container);
    assert.ok(profile.nameID && profile.attributes);
  } catch (error) {
    return error.message;
  }
  const verify = () => saml.validatePostResponseAsync(container);
  await repeat(verify); // until it is compiled
  return repeat(verify);
}

/** Microseconds of processor time per call. */
async function repeat(work) {
  const began = process.cpuUsage();
  const spent = () => {
    const { user, system } = process.cpuUsage(began);
    return user + system;
  };
  let count = 0;
  for (; spent() < SECONDS * 1e6; count += 1) await work();
  return spent() / count;
}

const outcome = {};
for (const { name, file } of meta.cases) outcome[name] = await measure(file);
console.log(JSON.stringify(outcome));
