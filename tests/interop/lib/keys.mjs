// Keys and secrets, made at every start and never kept.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './process.mjs';

/** A fresh RSA key with a self-signed certificate, as files `NAME.key` and `NAME.crt`. */
export async function makeKeyPair(folder, name) {
  const [key, certificate] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  await run('openssl', [
    'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-sha256', '-days', '2',
    '-subj', `/CN=${name}`, '-keyout', key, '-out', certificate,
  ]);
  return { key, certificate, pem: readFileSync(certificate, 'utf8') };
}

/** A client secret in which percent-encoding changes something, and so would taking off what is none. */
export const awkwardSecret = () => `${randomBytes(24).toString('base64url')}+/%`;
