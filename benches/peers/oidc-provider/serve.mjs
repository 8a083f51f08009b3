// oidc-provider, set up to do the same work as the broker in `benches/main_job`: argument 1 is its port,
// argument 2 the application's callback, argument 3 the secret of the confidential client.
//
// Everything is kept in memory, which is the fastest it can do. The access tokens of people are opaque, since
// its userinfo endpoint takes no others: one signature less than ours.

import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

const [port, callback, secret] = process.argv.slice(2);
const issuer = `http://localhost:${port}`;
const scope = 'openid profile email roles';

async function key(alg) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(privateKey)), use: 'sig', alg, kid: alg };
}

function application(alg, ...more) {
  return {
    client_id: `app-${alg.toLowerCase()}${more.length ? '-refresh' : ''}`,
    redirect_uris: [callback],
    grant_types: ['authorization_code', ...more],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    id_token_signed_response_alg: alg,
    scope,
  };
}

const person = {
  sub: 'p00000', name: 'Ada Lovelace', given_name: 'Ada', family_name: 'Lovelace',
  preferred_username: 'p00000', email: 'p00000@hospital.example', email_verified: true, roles: ['physician'],
};

// As its own memory adapter, but for the limit of a thousand entries, which would forget who is signed in.
const stored = new Map();
const named = new Map();
const granted = new Map();

class Memory {
  constructor(model) {
    this.key = (id) => `${model}:${id}`;
  }

  async upsert(id, payload) {
    stored.set(this.key(id), payload);
    if (payload.uid) named.set(payload.uid, id);
    if (!payload.grantId) return;
    const ids = granted.get(payload.grantId) ?? [];
    ids.push(this.key(id));
    granted.set(payload.grantId, ids);
  }

  async find(id) {
    return stored.get(this.key(id));
  }

  async findByUid(uid) {
    return this.find(named.get(uid));
  }

  async consume(id) {
    stored.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    stored.delete(this.key(id));
  }

  async revokeByGrantId(grantId) {
    for (const key of granted.get(grantId) ?? []) stored.delete(key);
    granted.delete(grantId);
  }
}

const provider = new Provider(issuer, {
  adapter: Memory,
  jwks: { keys: [await key('RS256'), await key('ES256')] },
  cookies: { keys: ['a key that signs cookies'] },
  clients: [
    application('ES256'),
    application('RS256'),
    application('ES256', 'refresh_token'),
    {
      client_id: 'worker', client_secret: secret, redirect_uris: [], response_types: [],
      grant_types: ['client_credentials'], scope: 'reports',
    },
  ],
  scopes: [...scope.split(' '), 'reports'],
  claims: {
    openid: ['sub'], profile: ['name', 'given_name', 'family_name', 'preferred_username'],
    email: ['email', 'email_verified'], roles: ['roles'],
  },
  pkce: { required: () => true },
  issueRefreshToken: async (_, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: ({ oidc }) => (oidc.params.grant_type === 'client_credentials' ? issuer : undefined),
      getResourceServerInfo: () => ({
        scope: 'reports', audience: issuer, accessTokenTTL: 900, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  ttl: { AccessToken: 900, AuthorizationCode: 60, Grant: 43200, IdToken: 900, Interaction: 600, RefreshToken: 43200, Session: 43200 },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ ...person, sub: id }) }),
  async loadExistingGrant({ oidc }) {
    const known = oidc.session.grantIdFor(oidc.client.clientId);
    if (known) return provider.Grant.find(known);
    const grant = new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope(scope);
    await grant.save();
    return grant;
  },
});

const standard = provider.callback();
// Whoever comes is signed in: what is measured is what follows.
const server = createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) return standard(request, response);
  return provider.interactionFinished(request, response, { login: { accountId: person.sub } });
});
server.listen(Number(port), '127.0.0.1');
