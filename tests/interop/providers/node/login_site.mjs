// The web server that libraries need around them to be an identity provider: a login page, sessions, logout.
//
// A library is given as `software`: { name, metadata, readRequest, answer, logout }.
//   metadata()                         its own, XML
//   readRequest(message)               the AuthnRequest, its signature checked; throws when it is refused
//   answer(request, person, relayState) → { page, participant }: a self-submitting page, and what logout must know of it
//   logout(message, session, end)      one step of a single logout → { page } or { location } or nothing when it is over

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { escapeHtml, readForm, sendPage } from '../../lib/web.mjs';

export class LoginSite {
  #sessions = new Map();

  static async start({ software, directory }) {
    const self = new LoginSite();
    Object.assign(self, { software, directory });
    self.server = createServer((request, response) => {
      self.#serve(request, response).catch((error) => {
        sendPage(response, 400, `<h1>Refused</h1><p>${escapeHtml(error.message ?? error)}</p>`);
      });
    });
    self.server.listen(0, '127.0.0.1');
    await once(self.server, 'listening');
    self.url = `http://127.0.0.1:${self.server.address().port}`;
    return self;
  }

  async #serve(request, response) {
    const { pathname, search } = new URL(request.url, this.url);
    if (pathname === '/metadata') return sendXml(response, this.software.metadata());
    if (pathname !== '/sso' && pathname !== '/slo') return sendPage(response, 404, '');
    const message = await readMessage(request, search);
    if (pathname === '/slo') return this.#logOut(message, request, response);
    return this.#signIn(message, request, response);
  }

  async #signIn(message, request, response) {
    const { username, password } = message.form;
    const asked = await this.software.readRequest(message);
    const session = this.#session(request) ?? this.#open(this.directory.find(username, password), response);
    if (!session) return sendPage(response, 200, loginPage(message, username === undefined ? '' : 'Wrong user name or password.'));
    const person = this.directory.named(session.username);
    const { page, participant } = await this.software.answer(asked, person, message.RelayState);
    session.participants.push(participant);
    return sendPage(response, 200, page);
  }

  async #logOut(message, request, response) {
    const key = cookie(request);
    const session = this.#session(request) ?? { participants: [] };
    const next = await this.software.logout(message, session, () => this.#sessions.delete(key));
    if (next?.location) return response.writeHead(302, { location: next.location }).end();
    return sendPage(response, 200, next?.page ?? '<h1>Signed out</h1>');
  }

  #session(request) {
    return this.#sessions.get(cookie(request));
  }

  #open(person, response) {
    if (!person) return undefined;
    const [key, session] = [randomBytes(16).toString('hex'), { username: person.username, participants: [] }];
    this.#sessions.set(key, session);
    response.setHeader('set-cookie', `session=${key}; HttpOnly; Path=/`);
    return session;
  }

  async stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** A SAML message as it came by the Redirect or the POST binding; the login page brings it once more. */
async function readMessage(request, search) {
  const form = request.method === 'POST' ? await readForm(request) : {};
  const { query: kept, ...posted } = form;
  const query = (kept ?? search).replace(/^\?/, '');
  const parameters = Object.fromEntries(new URLSearchParams(query));
  const binding = parameters.SAMLRequest || parameters.SAMLResponse ? 'redirect' : 'post';
  return { binding, query, parameters, form: posted, RelayState: parameters.RelayState ?? posted.RelayState };
}

const cookie = (request) => /(?:^|; )session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];

function sendXml(response, xml) {
  response.writeHead(200, { 'content-type': 'application/samlmetadata+xml' });
  response.end(xml);
}

/** A page that posts `fields` to `action` by itself. */
export const postingPage = (action, fields) => `
  <form method="post" action="${escapeHtml(action)}">${hidden(fields)}<button>Continue</button></form>
  <script>document.forms[0].submit()</script>`;

const hidden = (fields) =>
  Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`)
    .join('');

const loginPage = ({ query, form: { SAMLRequest, RelayState } }, problem) => `
  <h1>Sign in</h1><p role="alert">${problem}</p>
  <form method="post" action="/sso">${hidden({ query, SAMLRequest, RelayState })}
    <label>User name <input name="username" autocomplete="username"></label>
    <label>Password <input name="password" type="password" autocomplete="current-password"></label>
    <button>Sign in</button>
  </form>`;
