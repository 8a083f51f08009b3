// What stories assert more than once.

import assert from 'node:assert/strict';

/** The application was told who the person is, the same in every token, and all of it is meant for this application. */
export function assertSignedInAs(person, said, site) {
  const { idToken, accessToken, userinfo } = said;
  assert.equal(idToken.iss, site.url);
  assert.deepEqual([idToken.aud].flat(), [site.application.clientId]);
  assert.ok(idToken.sub && idToken.sub !== person.email && idToken.sub !== person.username, 'sub names the user, not an address');
  assert.equal(userinfo.sub, idToken.sub);
  assert.equal(userinfo.given_name, person.givenName);
  assert.equal(userinfo.family_name, person.familyName);
  assert.equal(userinfo.email, person.email);
  assert.ok(accessToken, 'the access token is a JWT');
  assert.equal(accessToken.sub, idToken.sub);
  assert.equal(accessToken.client_id, site.application.clientId);
}

/** These roles, and no others, in access token, ID token and userinfo. */
export function assertRoles(said, expected) {
  for (const where of ['accessToken', 'idToken', 'userinfo']) {
    assert.deepEqual([...(said[where].roles ?? [])].sort(), [...expected].sort(), `roles in ${where}`);
  }
}

/** A page of the broker, for people, that says no: 4xx, HTML, and no word of how it works inside. */
export function assertRefusedOnAPage({ url, status, type, text }, site) {
  assert.equal(new URL(url).origin, site.url, `the broker itself refuses, nothing is passed on: ${text.slice(0, 500)}`);
  assert.ok(status >= 400 && status < 500, `status ${status}: ${text.slice(0, 500)}`);
  assert.match(type, /^text\/html/);
  assert.doesNotMatch(text, /panicked|RUST_BACKTRACE|src\/[a-z_/]+\.rs/);
}
