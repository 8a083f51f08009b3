// The hospital's directory: the people whom all identity providers know.
//
// One file, read by every provider at every login, so that a change of groups is seen at once.

import { writeFileSync, renameSync } from 'node:fs';
import { randomBytes } from 'node:crypto';

export class Directory {
  #people = [];
  #file;

  constructor(file) {
    this.#file = file;
    this.#save();
  }

  get file() {
    return this.#file;
  }

  /** A new person with an account and a password of his own. */
  hire({ givenName = 'Ada', familyName = 'Lovelace', groups = [] } = {}) {
    const username = `${plain(givenName)}${this.#people.length + 1}`;
    const person = {
      username,
      password: randomBytes(12).toString('base64url'),
      givenName,
      familyName,
      email: `${username}@hospital.example`,
      groups,
    };
    this.#people.push(person);
    this.#save();
    return person;
  }

  /** From now on the person belongs to these groups and no others. */
  move(person, groups) {
    person.groups = groups;
    this.#save();
  }

  find(username, password) {
    return this.#people.find((one) => one.username === username && one.password === password);
  }

  named(username) {
    return this.#people.find((one) => one.username === username);
  }

  #save() {
    writeFileSync(`${this.#file}.new`, JSON.stringify(this.#people, null, 2), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

/** Some providers take ASCII user names only. */
const plain = (name) => name.normalize('NFD').replace(/[^a-z]/gi, '').toLowerCase();
