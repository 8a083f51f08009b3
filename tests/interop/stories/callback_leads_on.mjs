import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { logIn, newcomer } from '../lib/local.mjs';
import { sendPage } from '../lib/web.mjs';

export const title = 'an application whose callback leads on to another host: after the password, after consent, by form_post';

export default async function ({ world, site }) {
  const [landing, callback] = [await listen(arrive), await listen(leadOn(() => landing.url))];
  try {
    const [application, asking] = ['leads-on', 'leads-on-asking'].map((id) => ({
      id,
      clientType: 'public',
      redirectUris: [`${callback.url}/callback`],
      scopes: ['openid', 'profile'],
    }));
    const person = newcomer();
    await site.introduce(application, { ...asking, consent: 'explicit' }, person);
    const browser = await world.browser();
    const begin = (client, parameters) => browser.page.goto(address(site, client, parameters));
    const arrived = async (how) => {
      await browser.page.waitForURL((url) => url.href.startsWith(landing.url));
      assert.deepEqual(browser.violations, [], `content security policy, ${how}`);
    };

    await begin(application);
    await logIn(browser.page, person);
    await arrived('after the password');
    await begin(asking);
    await browser.page.getByRole('button', { name: 'Allow', exact: true }).click();
    await arrived('after consent');
    await begin(application, { response_mode: 'form_post' });
    await arrived('by form_post');
  } finally {
    for (const one of [landing, callback]) one.stop();
  }
}

function address(site, { id, redirectUris: [uri] }, parameters) {
  const query = {
    response_type: 'code',
    client_id: id,
    redirect_uri: uri,
    scope: 'openid profile',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
    ...parameters,
  };
  return `${site.url}/oauth2/authorize?${new URLSearchParams(query)}`;
}

const arrive = (request, response) => sendPage(response, 200, 'arrived');
const leadOn = (where) => (request, response) => response.writeHead(302, { location: `${where()}/` }).end();

async function listen(serve) {
  const server = createServer(serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, stop };
}
