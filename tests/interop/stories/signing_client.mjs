import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as jose from 'jose';
import * as openid from 'openid-client';
import { stringify } from 'yaml';

export const title = 'openid-client authenticates by signature and binds its tokens to a key, with every algorithm';
export const ownSite = true;

const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];

export default async function ({ world }) {
  const site = await world.newSite({ name: 'signing', providers: [] });
  const keys = {};
  const documents = [];
  for (const alg of ALGORITHMS) {
    keys[alg] = await jose.generateKeyPair(alg, { extractable: true });
    documents.push(await application(alg, keys[alg].publicKey));
  }
  const file = join(world.folder, 'signing.yaml');
  writeFileSync(file, documents.map((document) => stringify(document)).join('---\n'));
  await site.nodes[0].apply(file);
  await new Promise((resolve) => setTimeout(resolve, 1_000)); // a running broker notices within a second
  for (const alg of ALGORITHMS) await play(site, alg, keys[alg].privateKey);
}

async function application(alg, publicKey) {
  return {
    resourceType: 'ClientApplication',
    id: name(alg),
    name: `Signing with ${alg}`,
    clientType: 'confidential',
    tokenEndpointAuthMethod: 'private_key_jwt',
    jwks: { keys: [{ ...(await jose.exportJWK(publicKey)), kid: alg }] },
    grantTypes: ['client_credentials'],
    scopes: ['reports'],
    accessTokenSignedResponseAlg: alg,
    dpopBoundAccessTokens: true,
  };
}

const name = (alg) => `signing-${alg.toLowerCase()}`;

async function play(site, alg, key) {
  const authentication = openid.PrivateKeyJwt({ key, kid: alg });
  const options = { execute: [openid.allowInsecureRequests] };
  const configuration = await openid.discovery(new URL(site.url), name(alg), {}, authentication, options);
  const DPoP = openid.getDPoPHandle(configuration, await openid.randomDPoPKeyPair(alg));

  const tokens = await openid.clientCredentialsGrant(configuration, { scope: 'reports' }, { DPoP });
  assert.equal(tokens.token_type, 'dpop', alg);
  const known = await openid.tokenIntrospection(configuration, tokens.access_token);
  assert.equal(known.active, true, alg);
  assert.equal(known.cnf.jkt, await DPoP.calculateThumbprint(), alg);
  const keys = jose.createRemoteJWKSet(new URL(configuration.serverMetadata().jwks_uri));
  const { protectedHeader } = await jose.jwtVerify(tokens.access_token, keys, { issuer: site.url, typ: 'at+jwt' });
  assert.equal(protectedHeader.alg, alg);

  const me = new URL(`${site.url}/auth/me`);
  const answer = await openid.fetchProtectedResource(configuration, tokens.access_token, me, 'GET', null, null, { DPoP });
  assert.equal((await answer.json()).profile.id, name(alg));
  const stolen = await fetch(me, { headers: { authorization: `Bearer ${tokens.access_token}` } });
  assert.equal(stolen.status, 401, 'without the key');

  const without = openid.clientCredentialsGrant(configuration, { scope: 'reports' });
  await assert.rejects(without, { error: 'invalid_dpop_proof' });
  await openid.tokenRevocation(configuration, tokens.access_token);
  assert.equal((await openid.tokenIntrospection(configuration, tokens.access_token)).active, false, alg);
}
