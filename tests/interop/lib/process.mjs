// Child processes, ports and waiting.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';

process.setMaxListeners(100); // one for every program that runs

/** A port of 127.0.0.1 that nobody listens on just now. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Asks until `question` answers something true; what it throws meanwhile is told at the end. */
export async function eventually(what, question, { seconds = 20, unless = () => undefined } = {}) {
  const deadline = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < deadline) {
    const hopeless = unless();
    if (hopeless) throw new Error(`${what}: ${hopeless}`);
    try {
      const answer = await question();
      if (answer) return answer;
    } catch (error) {
      last = error;
    }
    await pause(50);
  }
  throw new Error(`${what}: not within ${seconds} s${last ? `, last: ${last.message}` : ''}`);
}

/** Whether `url` answers with a success. */
export const answers = async (url) => (await fetch(url, { redirect: 'manual' })).ok;

/** A program that runs until it is stopped; what it prints goes to `logFile`. */
export class Service {
  constructor(name, command, args, { logFile, env = {}, ...options }) {
    this.name = name;
    this.logFile = logFile;
    const log = openSync(logFile, 'a');
    this.child = spawn(command, args, {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...env },
      ...options,
    });
    closeSync(log);
    this.ended = new Promise((resolve) => {
      this.child.once('error', (error) => resolve(error.message));
      this.child.once('exit', (code, signal) => resolve(`ended with ${signal ?? `code ${code}`}`));
    });
    const last = () => this.child.kill('SIGKILL'); // nothing outlives the runner, however that ends
    process.once('exit', last);
    this.ended.then((how) => {
      this.obituary = how;
      process.removeListener('exit', last);
    });
  }

  /** Waits until `url` answers; fails at once when the program has ended. */
  async ready(url, seconds) {
    const unless = () => this.obituary && `${this.obituary}\n${tail(this.logFile)}`;
    await eventually(`${this.name} at ${url}`, () => answers(url), { seconds, unless });
    return this;
  }

  /** Asks the program to end; one that has not within ten seconds is killed, and that is an error. */
  async stop(signal = 'SIGTERM') {
    if (this.obituary) return;
    this.child.kill(signal);
    let patience;
    const late = new Promise((resolve) => {
      patience = setTimeout(resolve, 10_000, 'late');
    });
    const how = await Promise.race([this.ended, late]);
    clearTimeout(patience);
    if (how !== 'late') return;
    this.child.kill('SIGKILL');
    await this.ended;
    throw new Error(`${this.name} had not ended ten seconds after ${signal}`);
  }
}

/** Runs a program to its end. Answers what it printed, or throws with it. */
export async function run(command, args, { env = {}, input, ...options } = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, ...options });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (piece) => (stdout += piece));
  child.stderr.on('data', (piece) => (stderr += piece));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${code}\n${stdout}${stderr}`);
  return stdout;
}

/** The last lines of a file, for a failure's report. */
export function tail(file, lines = 25) {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}
