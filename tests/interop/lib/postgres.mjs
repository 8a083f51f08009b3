// A PostgreSQL cluster that lives as long as the tests.

import { existsSync, mkdtempSync, readFileSync, rmSync, chownSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePort, run, Service } from './process.mjs';

const BINARIES = ['/usr/lib/postgresql/15/bin', '/usr/local/bin', '/usr/bin'].find((folder) =>
  existsSync(join(folder, 'initdb')),
);

export class Postgres {
  #databases = 0;

  static async start({ logs }) {
    if (!BINARIES) throw new Error('no PostgreSQL binaries (initdb) on this machine; ./install brings them');
    const self = new Postgres();
    const owner = unprivileged();
    self.folder = mkdtempSync(join(tmpdir(), 'medict-postgres-'));
    if (owner.uid !== undefined) chownSync(self.folder, owner.uid, owner.gid);
    const data = join(self.folder, 'data');
    const as = { ...owner, cwd: self.folder };
    await run(join(BINARIES, 'initdb'), ['-D', data, '-U', 'medict', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'], as);
    self.port = await freePort();
    const settings = {
      listen_addresses: '127.0.0.1',
      port: self.port,
      unix_socket_directories: self.folder,
      fsync: 'off',
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    self.service = new Service('PostgreSQL', join(BINARIES, 'postgres'), ['-D', data, ...flags], {
      ...as,
      logFile: join(logs, 'postgres.log'),
    });
    await eventually('PostgreSQL', () => self.#sql('select 1'), { unless: () => self.service.obituary });
    return self;
  }

  /** A new empty database; answers its URL. */
  async database() {
    const name = `medict_${++this.#databases}`;
    await this.#sql(`create database ${name}`);
    return `postgres://medict@127.0.0.1:${this.port}/${name}`;
  }

  #sql(statement) {
    return run(join(BINARIES, 'psql'), [
      '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', '127.0.0.1', '-p', String(this.port), '-U', 'medict', '-d', 'postgres', '-c', statement,
    ]);
  }

  async stop() {
    await this.service.stop('SIGINT');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** PostgreSQL refuses to run as root: then it is run as `postgres`, or `nobody` where there is none. */
function unprivileged() {
  if (process.getuid() !== 0) return {};
  const accounts = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'));
  const [, , uid, gid] = ['postgres', 'nobody'].map((name) => accounts.find((account) => account[0] === name)).find(Boolean);
  return { uid: Number(uid), gid: Number(gid) };
}
