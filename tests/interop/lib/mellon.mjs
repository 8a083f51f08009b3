// An established service provider: Apache with mod_auth_mellon (on the Lasso library), from the Debian packages.

import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeKeyPair } from './keys.mjs';
import { freePort, Service } from './process.mjs';

const MODULES = '/usr/lib/apache2/modules';

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
    writeFileSync(join(self.folder, 'httpd.conf'), configuration(self, port, metadata.length));
    giveAway(self.folder);
    self.service = new Service('mod_auth_mellon', 'apache2', ['-X', '-f', join(self.folder, 'httpd.conf')], { logFile: join(logs, 'mellon.log') });
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

const configuration = ({ folder, url, entityId }, port, providers) => `
ServerRoot ${folder}
ServerName ${url}
Listen 127.0.0.1:${port}
PidFile ${folder}/pid
KeepAlive Off
ErrorLog /dev/stderr
LogLevel warn
DocumentRoot ${folder}/htdocs
LoadModule mpm_event_module ${MODULES}/mod_mpm_event.so
LoadModule authn_core_module ${MODULES}/mod_authn_core.so
LoadModule authz_core_module ${MODULES}/mod_authz_core.so
LoadModule authz_user_module ${MODULES}/mod_authz_user.so
LoadModule setenvif_module ${MODULES}/mod_setenvif.so
LoadModule auth_mellon_module ${MODULES}/mod_auth_mellon.so
${process.getuid() === 0 ? 'User www-data\nGroup www-data' : ''}
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
