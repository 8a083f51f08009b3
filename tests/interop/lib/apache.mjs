// Debian's Apache, in one process and in a folder of its own.

import { join } from 'node:path';
import { Service } from './process.mjs';

const MODULES = '/usr/lib/apache2/modules';
const ALWAYS = ['mpm_event', 'authn_core', 'authz_core', 'authz_user'];

/** The part of a configuration that every site needs: it serves `htdocs` of `folder` at `url`. */
export const commonConfiguration = ({ folder, url, modules }) => `
ServerRoot ${folder}
ServerName ${url}
Listen ${new URL(url).host}
PidFile ${folder}/pid
KeepAlive Off
ErrorLog /dev/stderr
LogLevel warn
DocumentRoot ${folder}/htdocs
${[...ALWAYS, ...modules].map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
${process.getuid() === 0 ? 'User www-data\nGroup www-data' : ''}
`;

/** Runs Apache with `httpd.conf` of this folder. */
export const apache = (name, folder, logFile) => new Service(name, 'apache2', ['-X', '-f', join(folder, 'httpd.conf')], { logFile });
