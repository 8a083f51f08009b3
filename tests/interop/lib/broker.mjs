// Medict as a program: `medict apply` and `medict serve`, in one data directory on one database.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run, Service } from './process.mjs';

// Taken out of the environment, for to the broker it would be a setting that it does not know.
const named = process.env.MEDICT_BIN;
delete process.env.MEDICT_BIN;

/** The binary: MEDICT_BIN, else the newest build there is, release first. */
export function binary() {
  const repository = join(import.meta.dirname, '..', '..', '..');
  const targets = [process.env.CARGO_TARGET_DIR, join(repository, 'target')].filter(Boolean);
  const candidates = named
    ? [named]
    : ['release', 'debug'].flatMap((profile) => targets.map((target) => join(target, profile, 'medict')));
  return candidates.find((path) => existsSync(path));
}

export class Broker {
  constructor({ name, publicUrl, port, dataDirectory, databaseUrl, logs }) {
    this.name = name;
    this.url = `http://127.0.0.1:${port}`;
    this.logFile = join(logs, `${name}.log`);
    this.settings = {
      MEDICT_PUBLIC_URL: publicUrl,
      MEDICT_LISTEN: `127.0.0.1:${port}`,
      MEDICT_DATA_DIR: dataDirectory,
      MEDICT_OUTBOUND__ALLOW_PRIVATE: 'true',
      MEDICT_LOG__FORMAT: 'json',
      ...(databaseUrl && { MEDICT_DATABASE_URL: databaseUrl }),
    };
  }

  /** Creates or updates the resources of a file. */
  apply(file) {
    return run(binary(), ['apply', file], { env: this.settings });
  }

  /** Starts serving; answers when it is ready for requests. */
  async serve() {
    this.service = new Service(this.name, binary(), ['serve'], { logFile: this.logFile, env: this.settings });
    await this.service.ready(`${this.url}/readyz`, 30);
  }

  async stop() {
    await this.service?.stop();
  }
}
