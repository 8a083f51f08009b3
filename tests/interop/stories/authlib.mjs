import assert from 'node:assert/strict';
import * as jose from 'jose';
import { ARCHIVE, Authlib, METHODS } from '../applications/authlib.mjs';
import { PHYSICIANS } from '../lib/site.mjs';

export const title = 'a web application on Authlib: code, userinfo, refresh, introspection, exchange, revocation, by secret and by signature';
export const providers = ['pysaml2', 'oidc-provider'];

export default async function ({ world, site, provider }) {
  const folder = world.inFolder(`authlib-${provider.id}`);
  const application = await Authlib.start({ name: provider.id, folder, logs: world.logs, issuer: site.url });
  try {
    await site.introduce(...application.resources());
    for (const method of METHODS) await play({ world, site, provider, application, method });
  } finally {
    await application.stop();
  }
}

async function play({ world, site, provider, application, method }) {
  const ada = world.directory.hire({ groups: [PHYSICIANS] });
  const clientId = application.clientId(method);
  const browser = await world.browser();
  const { claims, userinfo } = await signIn(browser, { application, method, provider, ada });
  assert.deepEqual([claims.iss, claims.aud], [site.url, clientId], method);
  assert.deepEqual(claims.roles, ['physician']);
  assert.equal(userinfo.sub, claims.sub);
  assert.deepEqual([userinfo.given_name, userinfo.family_name, userinfo.email], [ada.givenName, ada.familyName, ada.email]);

  const told = (deed) => application.do(method, deed);
  const [first, second] = [await told('refresh'), await told('refresh')];
  assert.ok(first.access_token && first.refresh_token, `${method}: ${JSON.stringify(first)}`);
  assert.notEqual(second.access_token, first.access_token);
  assert.notEqual(second.refresh_token, first.refresh_token, 'rotated');
  const known = await told('introspect');
  assert.deepEqual([known.active, known.sub, known.client_id], [true, claims.sub, clientId]);

  const own = await told('client-credentials');
  assert.equal(own.scope, 'reports', JSON.stringify(own));
  assert.equal(jose.decodeJwt(own.access_token).sub, clientId);
  const exchanged = jose.decodeJwt((await told('exchange')).access_token);
  assert.deepEqual([exchanged.sub, exchanged.act.sub, [exchanged.aud].flat()], [claims.sub, clientId, [ARCHIVE]]);

  assert.deepEqual(await told('userinfo'), { status: 200 });
  assert.deepEqual(await told('revoke'), { status: 200 });
  assert.deepEqual(await told('introspect'), { active: false });
  assert.deepEqual(await told('userinfo'), { status: 401 });
  assert.equal((await told('refresh')).error, 'invalid_grant');
}

async function signIn(browser, { application, method, provider, ada }) {
  await browser.page.goto(application.loginUrl(method, { idp: provider.id }));
  await browser.page.waitForURL((url) => url.origin === provider.url);
  await provider.enterPassword(browser.page, ada.username, ada.password);
  await browser.page.waitForURL((url) => url.origin === application.url);
  assert.deepEqual(browser.violations, [], 'content security policy');
  const shown = JSON.parse(await browser.text());
  assert.ok(shown.claims, `${method}: ${JSON.stringify(shown)}`);
  return shown;
}
