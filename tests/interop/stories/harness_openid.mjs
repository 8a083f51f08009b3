import assert from 'node:assert/strict';
import { Application } from '../lib/application.mjs';

export const title = 'openid-client signs in at oidc-provider without Medict between them';
export const providers = ['oidc-provider'];
export const withoutBroker = true;

export default async function ({ world, provider }) {
  const { clientId, clientSecret } = provider;
  // Here the application is the other site: `localhost` towards the provider's `127.0.0.1`.
  const application = await Application.start({ clientId, clientSecret, scope: 'openid profile email groups', hostname: 'localhost' });
  try {
    provider.register(application.redirectUri);
    await application.meet(provider.url);
    const ada = world.directory.hire({ groups: ['GG-Physicians'] });

    const browser = await world.browser();
    const said = await browser.signIn({ application }, provider, ada);

    assert.equal(said.idToken.sub, ada.username);
    assert.equal(said.idTokenHeader.alg, 'RS256');
    assert.equal(said.userinfo.given_name, ada.givenName);
    assert.equal(said.userinfo.email_verified, true);
    assert.deepEqual(said.userinfo.groups, ['GG-Physicians']);

    const other = await world.browser();
    await other.goToLoginPage({ application }, provider);
    await provider.enterPassword(other.page, ada.username, 'a guess');
    await provider.refuses(other.page);

    const challenge = { code_challenge: '', code_challenge_method: '' };
    const response = await fetch(provider.url + '/auth?' + new URLSearchParams({
      client_id: clientId, response_type: 'code', scope: 'openid', redirect_uri: application.redirectUri, ...challenge,
    }), { redirect: 'manual' });
    assert.match(decodeURIComponent(response.headers.get('location') ?? ''), /PKCE/, 'a request without PKCE is refused');
  } finally {
    await application.stop();
  }
}
