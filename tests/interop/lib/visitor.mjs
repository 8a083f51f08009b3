// A browser without a screen: follows redirects by hand and keeps cookies, so that a test can stop anywhere.

import { inflateRawSync } from 'node:zlib';

export class Visitor {
  #cookies = new Map();

  /** Goes on until an address for which `there` says so is asked for, or nothing redirects any more. */
  async go(url, there = () => false, form) {
    for (let hops = 0; hops < 10; hops += 1) {
      if (there(url)) return { url };
      const response = await this.#ask(url, form);
      const location = response.headers.get('location');
      if (!location) return { url, status: response.status, text: await response.text() };
      [url, form] = [new URL(location, url).href, undefined];
    }
    throw new Error(`going in circles at ${url}`);
  }

  async #ask(url, form) {
    const { origin } = new URL(url);
    const cookie = [...(this.#cookies.get(origin) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
    const options = { redirect: 'manual', headers: { cookie } };
    const response = await fetch(url, form ? { ...options, method: 'POST', body: new URLSearchParams(form) } : options);
    const jar = this.#cookies.get(origin) ?? this.#cookies.set(origin, new Map()).get(origin);
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      jar.set(name, value);
    }
    return response;
  }
}

/** What an AuthnRequest by redirect asks for. */
export function readRequest(url) {
  const parameters = new URL(url).searchParams;
  const xml = inflateRawSync(Buffer.from(parameters.get('SAMLRequest'), 'base64')).toString();
  return { id: /\bID="([^"]+)"/.exec(xml)[1], relayState: parameters.get('RelayState') ?? '' };
}
