import { failed, type Finding, ok, warning } from './finding.rules.ts';
import { formatCommand } from '@ai-bakery/kernel/command.ts';
import type { Settings } from '../settings/settings.rules.ts';

/** What `doctor` says about the machine around the engine, from what was looked up there. */

/** A file or folder of ai-run's in the user's home, as lstat(2) has it. */
export type OwnFile = {
  /** `~/.ai-home` */
  readonly name: string;
  readonly kind: 'folder' | 'file' | 'symlink' | 'other';
  readonly uid: number;
  readonly mode: number;
};

/** Bytes that a few images take. */
const roomy = 10e9;

/** @param caller the user's own uid. */
export function fileFindings(
  files: readonly { readonly file: OwnFile; readonly expected: 'folder' | 'file' }[],
  caller: number,
): readonly Finding[] {
  const wrong = files.flatMap(({ file: { name, kind, uid, mode }, expected }): Finding[] => {
    const octal = (mode & 0o777).toString(8).padStart(3, '0');
    // Settings may be links of a dotfile manager: what they lead to is checked when they are read.
    if (kind === 'symlink' && expected === 'file') return [];
    if (kind !== expected)
      return [failed('files', `${name} is no ${expected}`, `move ${name} out of the way`)];
    if (uid !== caller)
      return [
        failed(
          'files',
          `${name} belongs to user ${uid}, not to you`,
          `give it to you with chown, or remove it`,
        ),
      ];
    if ((mode & 0o022) !== 0)
      return [
        failed('files', `${name} can be written by others (mode ${octal})`, `chmod go-w ${name}`),
      ];
    if (expected === 'folder' && (mode & 0o077) !== 0)
      return [
        warning('files', `${name} can be read by others (mode ${octal})`, `chmod 700 ${name}`),
      ];
    return [];
  });
  const names = files.map(({ file }) => file.name).join(', ');
  return wrong.length > 0
    ? wrong
    : [ok('files', names === '' ? 'none yet' : `${names}: yours, and closed to others`)];
}

/**
 * @param handler what binfmt_misc says of the other architecture; undefined where there is none, 'unseen' where the engine
 *   runs elsewhere. docs.kernel.org/admin-guide/binfmt-misc.html
 */
export function emulationFinding(
  wanted: string,
  native: string | undefined,
  handler: string | undefined,
): Finding {
  const other = native === 'linux/amd64' ? 'linux/arm64' : 'linux/amd64';
  if (native === undefined || handler === 'unseen')
    return ok('emulation', 'the engine runs on another machine: it cannot be seen from here');
  const works = handler !== undefined && /^enabled$/m.test(handler) && /^flags: .*F/m.test(handler);
  if (works) return ok('emulation', `${native} by itself, ${other} by emulation`);
  const found = `${native} only`;
  return wanted === native
    ? ok('emulation', `${found}: images for ${other} would need emulation`)
    : failed(
        'emulation',
        `${found}, but AI_RUN_PLATFORM is ${wanted}`,
        'register QEMU with binfmt_misc, with flag F',
      );
}

/** @param free bytes where the engine stores; undefined where that cannot be seen. */
export function diskFinding(storage: string | undefined, free: number | undefined): Finding {
  if (storage === undefined || free === undefined)
    return ok('disk', 'the engine stores elsewhere: `docker system df` shows what it uses');
  const found = `${Math.floor(free / 1e9)} GB free in ${storage}`;
  return free < roomy
    ? warning('disk', found, 'an image takes about 1 GB: `docker system df` shows what can go')
    : ok('disk', found);
}

export function leftoverFinding(gone: readonly string[]): Finding {
  return gone.length === 0
    ? ok('leftovers', 'none of a killed session')
    : warning(
        'leftovers',
        `of killed sessions: ${gone.join(', ')}`,
        'the next start of an agent removes them',
      );
}

export function terminalFinding(isTerminal: boolean, term: string | undefined): Finding {
  if (!isTerminal) return ok('terminal', 'none here: agents get pipes');
  return term === undefined || term === '' || term === 'dumb'
    ? warning(
        'terminal',
        `TERM is ${term ?? 'not set'}: full-screen agents cannot draw`,
        'export TERM=xterm-256color',
      )
    : ok('terminal', term);
}

/** @param error why the registry did not answer well, by code: see `pullError`; undefined where it has the image. */
export function registryFinding(
  settings: Settings,
  image: string,
  error:
    | { readonly code: string; readonly message: string; readonly hint?: string | undefined }
    | undefined,
): Finding {
  if (settings.source === 'local') return ok('registry', 'none is used: images are local');
  if (error === undefined) return ok('registry', `${settings.registry} answers, and has ${image}`);
  // It let us ask: what it does not have is another matter.
  if (error.code === 'E_NO_IMAGE' || error.code === 'E_NO_PLATFORM')
    return ok('registry', `${settings.registry} answers; it has no ${image}`);
  return failed(
    'registry',
    error.message,
    error.hint ?? formatCommand({ file: 'docker', args: ['login'] }),
  );
}
