import assert from 'node:assert/strict';
import { CASES } from '../forgery/cases.mjs';
import { Forger } from '../forgery/forger.mjs';
import { readRequest, Visitor } from '../lib/visitor.mjs';

export const title = 'what mod_auth_mellon refuses, we refuse; side by side, one forged response after the other';
export const ownSite = true; // a broker that knows the forger and nobody else

export default async function ({ world }) {
  const forger = await Forger.start(world.inFolder('forger'));
  const mellon = await world.mellon([await forger.metadata()]);
  const site = await world.newSite({ name: 'forged', providers: [forger] });
  const targets = [besideUs(mellon, forger), us(site, forger)];

  const rows = [];
  for (const { name, good, ...forged } of CASES) {
    const [mellon, ours] = await Promise.all(targets.map((target) => accepts(target, forger, forged)));
    rows.push({ name, good, mellon, ours });
  }

  for (const { name, good, mellon, ours } of rows) {
    assert.ok(ours === Boolean(good), `${name}: ${ours ? 'accepted' : 'refused'} by us`);
    assert.ok(!ours || mellon, `${name}: refused by mod_auth_mellon, accepted by us`);
  }
  return table(rows);
}

/** Whether a visitor who brings this answer to a request of his own ends up signed in. */
async function accepts({ begin, sp, signedIn }, { idp, other }, { make, twice }) {
  const visitor = new Visitor();
  const { id, relayState } = await begin(visitor);
  const xml = make({ idp, other, sp, requestId: id });
  const form = { SAMLResponse: Buffer.from(xml).toString('base64'), RelayState: relayState };
  const first = await signedIn(visitor, form);
  if (!twice) return first;
  assert.ok(first, 'what is to be sent twice is good the first time');
  return signedIn(visitor, form, { again: true });
}

const us = (site, forger) => ({
  sp: { acs: `${site.url}/saml/${forger.id}/acs`, entityId: `${site.url}/saml/${forger.id}/metadata` },
  begin: (visitor) => asked(visitor, site.application.loginUrl({ idp: forger.id }), forger),
  async signedIn(visitor, form) {
    const end = await visitor.go(`${site.url}/saml/${forger.id}/acs`, (url) => url.startsWith(site.application.redirectUri), form);
    return end.status === undefined && new URL(end.url).searchParams.has('code');
  },
});

const besideUs = (mellon, forger) => ({
  sp: { acs: mellon.acs, entityId: mellon.entityId },
  begin: (visitor) => asked(visitor, mellon.loginUrl(forger.entityId), forger),
  async signedIn(visitor, form, { again } = {}) {
    // Sent again, it comes from a browser that is not signed in yet.
    const who = again ? new Visitor() : visitor;
    const elsewhere = (url) => url.startsWith(forger.ssoUrl);
    const answer = await who.go(mellon.acs, elsewhere, form);
    if (answer.status >= 400) return false;
    const end = await who.go(`${mellon.url}/inside`, elsewhere);
    return end.status === 200 && end.text === 'inside';
  },
});

async function asked(visitor, url, forger) {
  const end = await visitor.go(url, (address) => address.startsWith(forger.ssoUrl));
  assert.ok(end.url.startsWith(forger.ssoUrl), `at ${end.url}: ${end.text?.slice(0, 300)}`);
  return readRequest(end.url);
}

function table(rows) {
  const word = (accepted) => (accepted ? 'accepted' : 'refused');
  const lines = rows.map(({ name, mellon, ours }) => `${name.padEnd(68)} ${word(mellon).padEnd(9)} ${word(ours).padEnd(9)} ${mellon && !ours ? '← stricter' : ''}`.trimEnd());
  return [`${'response'.padEnd(68)} mellon    ours`, ...lines].join('\n');
}
