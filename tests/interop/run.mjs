// Starts the world, plays the stories in it, tells how they went.
//
//   run [--only NAME] [--postgres] [--keep] [--list]

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { binary } from './lib/broker.mjs';
import { tail } from './lib/process.mjs';
import { World } from './lib/world.mjs';

const STORIES = join(import.meta.dirname, 'stories');
const SAML = ['simplesamlphp', 'lemonldap', 'pysaml2', 'samlify', 'samlp'];
/** What `providers` of a story may say instead of a list. */
const PROVIDERS = {
  all: [...SAML, 'oidc-provider'],
  some: ['simplesamlphp', 'pysaml2', 'oidc-provider'],
  saml: SAML,
  sealed: SAML.map((provider) => `${provider}-sealed`),
};
const LONGEST = 120_000;

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    postgres: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

/** One playing of a story: its name is FILE, or FILE:PROVIDER where it is told of several providers. */
async function playings() {
  const files = readdirSync(STORIES).filter((file) => file.endsWith('.mjs')).sort();
  const all = [];
  for (const file of files) {
    const story = await import(join(STORIES, file));
    const name = file.replace(/\.mjs$/, '');
    const of = PROVIDERS[story.providers] ?? story.providers;
    if (of) all.push(...of.map((provider) => ({ ...story, name: `${name}:${provider}`, provider })));
    else all.push({ ...story, name });
  }
  const wanted = ({ name }) => flags.only.length === 0 || flags.only.some((part) => name.split(':').includes(part) || name === part);
  return all.filter(wanted);
}

async function play(world, story) {
  const began = performance.now();
  const site = story.withoutBroker || story.ownSite ? undefined : await world.site();
  const provider = story.provider && world.provider(story.provider);
  let late, told;
  const timeout = new Promise((_, reject) => {
    late = setTimeout(() => reject(new Error(`not over after ${LONGEST / 1000} s`)), LONGEST);
  });
  try {
    told = await Promise.race([story.default({ world, site, provider }), timeout]);
  } catch (error) {
    await world.takePictures(story.name.replace(':', '-'));
    throw error;
  } finally {
    clearTimeout(late);
    await world.closeBrowsers();
  }
  const seconds = `(${((performance.now() - began) / 1000).toFixed(1)} s)`;
  return told ? `${seconds}\n${indented(told)}` : seconds;
}

let interrupted = false;

async function playAll(world, stories) {
  const failed = [];
  for (const story of stories) {
    try {
      console.log(`ok      ${story.name}: ${story.title} ${await play(world, story)}`);
    } catch (error) {
      if (interrupted) return new Promise(() => {}); // whoever interrupted it ends it
      failed.push(story.name);
      console.log(`FAILED  ${story.name}: ${story.title}\n${indented(error.stack ?? error)}`);
    }
  }
  return failed;
}

const indented = (text) => String(text).replace(/^/gm, '        ');

const stories = await playings();
if (flags.list || stories.length === 0) {
  console.log(stories.map(({ name, title }) => `${name}: ${title}`).join('\n') || 'no story has this name; --list shows all');
  process.exit(flags.list ? 0 : 2);
}
if (stories.some((story) => !story.withoutBroker) && !binary()) {
  console.error('no broker to test: build it (cargo build --release) or name it in MEDICT_BIN');
  process.exit(2);
}

console.log(`Medict ${binary() ?? '(not needed)'} on ${flags.postgres ? 'PostgreSQL' : 'SQLite'}`);
let world;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    interrupted = true;
    await world?.stop();
    world?.forget();
    process.exit(130);
  });
}
world = await World.start(flags);
const failed = await playAll(world, stories);
const leftovers = await world.stop();
for (const error of leftovers) console.log(`FAILED  at the end: ${error.message}`);

const bad = failed.length + leftovers.length;
if (bad > 0) {
  for (const file of readdirSync(world.logs)) console.log(`\n--- ${file}\n${tail(join(world.logs, file))}`);
}
if (flags.keep || (bad > 0 && !process.env.CI)) console.log(`\nlogs, pictures and data are kept in ${world.folder}`);
else world.forget();
console.log(`\n${stories.length - failed.length} passed, ${bad} failed`);
process.exit(bad === 0 ? 0 : 1);
