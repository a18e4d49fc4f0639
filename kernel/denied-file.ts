/** The error for a file of docker's client that the user has no permission to read. */

import { UserError } from './error.ts';
import { formatCommand } from './command.ts';
import { printable } from './text.ts';

/**
 * Returns the error E_DOCKER_CONFIG if docker's client could not use a file of this machine, e.g. because
 * `sudo docker` made it; undefined if docker failed for another reason. A denial by the engine is another reason.
 */
export function deniedFile(stderr: string): UserError | undefined {
  const last = stderr.trimEnd().split('\n').at(-1) ?? '';
  const [, path = ''] =
    /^(?!.*response from daemon).*\b(?:l?stat|open|mkdir|unlink|rename|chmod) (\/.+?): permission denied$/i.exec(
      last,
    ) ?? [];
  if (path === '') return undefined;
  const folder = /^.*\/\.docker(?=\/|$)/.exec(path)?.[0] ?? path;
  const owned = printable(formatCommand({ file: folder, args: [] }));
  return new UserError('E_DOCKER_CONFIG', `docker has no permission for ${printable(path)}`, {
    hint: `it belongs to another user, often to root after \`sudo docker\`; run \`sudo chown -R "$USER" ${owned}\``,
  });
}
