// An established service provider: Apache with mod_auth_mellon (on the Lasso library), from the Debian packages.

import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apache, commonConfiguration } from './apache.mjs';
import { makeKeyPair } from './keys.mjs';
import { freePort } from './process.mjs';

export class Mellon {
  /** Trusts the identity providers with these metadata. */
  static async start({ logs, metadata }) {
    const self = new Mellon();
    self.folder = mkdtempSync(join(tmpdir(), 'medict-mellon-'));
    chmodSync(self.folder, 0o755); // as root Apache serves as somebody else
    await makeKeyPair(self.folder, 'mellon');
    metadata.forEach((xml, index) => writeFileSync(join(self.folder, `idp-${index}.xml`), xml));
    mkdirSync(join(self.folder, 'htdocs'));
    writeFileSync(join(self.folder, 'htdocs', 'inside'), 'inside');
    const port = await freePort();
    // On the providers' site, so that its cookies come along with their answers.
    self.url = `http://127.0.0.1:${port}`;
    self.acs = `${self.url}/mellon/postResponse`;
    self.entityId = `${self.url}/mellon/metadata`;
    writeFileSync(join(self.folder, 'httpd.conf'), configuration(self, metadata.length));
    giveAway(self.folder);
    self.service = apache('mod_auth_mellon', self.folder, join(logs, 'mellon.log'));
    await self.service.ready(self.entityId, 20).catch((error) => self.stop().then(() => Promise.reject(error)));
    return self;
  }

  async metadata() {
    return (await fetch(this.entityId)).text();
  }

  /** Where a login at this identity provider begins. */
  loginUrl(entityId) {
    return `${this.url}/mellon/login?${new URLSearchParams({ IdP: entityId, ReturnTo: `${this.url}/inside` })}`;
  }

  async stop() {
    await this.service.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const configuration = ({ folder, url, entityId }, providers) => `
${commonConfiguration({ folder, url, modules: ['setenvif', 'auth_mellon'] })}
MellonLockFile ${folder}/lock
# Its test cookie says SameSite=None, for which browsers demand https.
SetEnvIf Request_URI . MELLON_DISABLE_SAMESITE=1
<Location />
  MellonEnable info
  MellonEndpointPath /mellon
  MellonSPentityId ${entityId}
  MellonSPPrivateKeyFile ${folder}/mellon.key
  MellonSPCertFile ${folder}/mellon.crt
${Array.from({ length: providers }, (_, index) => `  MellonIdPMetadataFile ${folder}/idp-${index}.xml`).join('\n')}
  MellonSecureCookie Off
  MellonSetEnv mail mail
</Location>
<Location /inside>
  MellonEnable auth
  Require valid-user
</Location>
`;

/** To the account that Apache serves as, when it is started by root. */
function giveAway(folder) {
  if (process.getuid() !== 0) return;
  const account = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':')).find(([name]) => name === 'www-data');
  for (const name of ['', 'mellon.key']) {
    const path = join(folder, name);
    if (existsSync(path)) chownSync(path, Number(account[2]), Number(account[3]));
  }
}
