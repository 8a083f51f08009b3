// Somebody's browser: a fresh Chromium context, with verbs for what people do in it.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const PATIENCE = 15_000;

export const launchChromium = () =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: FLAGS });

export class Browser {
  /** Complaints of the browser about broken content security policies. */
  violations = [];
  #navigations = [];

  static async open(chromium) {
    const self = new Browser();
    self.context = await chromium.newContext();
    self.context.setDefaultTimeout(PATIENCE);
    self.page = await self.context.newPage();
    self.page.on('console', (message) => {
      if (/content security policy/i.test(message.text())) self.violations.push(message.text());
    });
    self.page.on('request', (request) => {
      if (request.isNavigationRequest()) self.#navigations.push(asSent(request));
    });
    return self;
  }

  /** The first request that this browser was led to make to `origin`. */
  firstRequestTo(origin) {
    return this.#navigations.find(({ url }) => url.startsWith(origin));
  }

  /** Goes to the application, is sent to the provider, types the password, and reads what the application says. */
  async signIn(site, provider, person) {
    await this.goToLoginPage(site, provider);
    await provider.enterPassword(this.page, person.username, person.password);
    return this.whatTheApplicationSays(site);
  }

  /** Goes to the application and on to the provider's login page. */
  async goToLoginPage(site, provider, parameters = { idp: provider.id }) {
    await this.page.goto(site.application.loginUrl(parameters));
    // A request by POST leaves from a page of the broker that sends itself.
    const there = this.page.waitForURL((address) => address.origin === provider.url);
    await there.catch(() => assert.fail(`at ${this.page.url()}, not at the provider`));
  }

  async whatTheApplicationSays(site) {
    const text = await this.#textAt(site.application.redirectUri);
    assert.deepEqual(this.violations, [], 'content security policy');
    const said = JSON.parse(text);
    assert.ok(!said.error, `the application was refused: ${text}`);
    return said;
  }

  async #textAt(url) {
    try {
      await this.page.waitForURL((address) => address.href.startsWith(url));
    } catch {
      const [where, text] = [this.page.url(), await this.text()];
      throw new Error(`did not arrive at ${url}\nis at ${where}\n${this.violations.join('\n')}\n${text.slice(0, 1500)}`);
    }
    return this.text();
  }

  /** Signs in at the provider, but keeps its answer back: the request that would have gone to `address`. */
  async signInButHoldTheAnswer(provider, person, address) {
    const { answer } = await this.#holdRequestTo(address);
    await provider.enterPassword(this.page, person.username, person.password);
    return answer;
  }

  /** `answer` becomes the first request to `address`, redirects included, which then goes nowhere. */
  async #holdRequestTo(address) {
    const protocol = await this.context.newCDPSession(this.page);
    await protocol.send('Fetch.enable', { patterns: [{ urlPattern: `${address}*` }] });
    const answer = new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`nothing was sent to ${address}`)), PATIENCE);
      protocol.on('Fetch.requestPaused', async ({ requestId, request }) => {
        clearTimeout(late);
        await protocol.send('Fetch.failRequest', { requestId, errorReason: 'Aborted' });
        await protocol.detach();
        resolve({ url: request.url, method: request.method, form: fields(request.postData) });
      });
    });
    answer.catch(() => {}); // whoever awaits it is told
    return { answer };
  }

  /** Sends a held answer from a page of another site, as the provider's page would have. */
  async deliver({ url, method, form }, from) {
    await this.page.goto(from);
    const [response] = await Promise.all([
      this.page.waitForNavigation({ waitUntil: 'load' }),
      this.page.evaluate(submit, { url, method, form }),
    ]);
    const type = response.headers()['content-type'] ?? '';
    return { url: response.url(), status: response.status(), type, text: await this.text() };
  }

  /** The broker's account page as this browser sees it; empty when nobody is signed in. */
  async accountPage(site) {
    const response = await this.page.goto(`${site.url}/account`);
    const there = response.ok() && new URL(this.page.url()).pathname.startsWith('/account');
    return there ? this.text() : '';
  }

  async isSignedIn(site) {
    return (await this.accountPage(site)) !== '';
  }

  text() {
    return this.page.locator('body').innerText();
  }

  async takePicture(folder, name) {
    await this.page.screenshot({ path: join(folder, `${name}.png`) }).catch(() => {});
  }

  close() {
    return this.context.close();
  }
}

const asSent = (request) => ({ url: request.url(), method: request.method(), form: fields(request.postData()) });
const fields = (body) => (body ? Object.fromEntries(new URLSearchParams(body)) : undefined);

/** Runs in the page. */
function submit({ url, method, form }) {
  if (method === 'GET') {
    window.location.assign(url);
    return;
  }
  const element = document.createElement('form');
  Object.assign(element, { method: 'post', action: url });
  for (const [name, value] of Object.entries(form)) {
    const input = document.createElement('input');
    Object.assign(input, { type: 'hidden', name, value });
    element.append(input);
  }
  document.body.append(element);
  element.submit();
}
