/** The findings of doctor about the machine around the engine. */

import { failed, type Finding, ok, warning } from './finding.rules.ts';
import type { ErrorCode } from '@ai-bakery/kernel/error-codes.ts';
import { formatCommand } from '@ai-bakery/kernel/command.ts';
import type { Settings } from '../settings/settings.rules.ts';

/** A file or folder of ai-run's in the user's home, by lstat(2). */
export type OwnFile = {
  /** `~/.ai-home` */
  readonly name: string;
  readonly kind: 'folder' | 'file' | 'symlink' | 'other';
  readonly uid: number;
  readonly mode: number;
};

/** Bytes for a few images. */
const roomy = 10e9;

type Expected = 'folder' | 'file';

/** @param caller the user's own uid. */
export function fileFindings(
  files: readonly { readonly file: OwnFile; readonly expected: Expected }[],
  caller: number,
): readonly Finding[] {
  const wrong = files.flatMap(({ file, expected }) => problemOf(file, expected, caller) ?? []);
  const names = files.map(({ file }) => file.name).join(', ');
  return wrong.length > 0
    ? wrong
    : [ok('files', names === '' ? 'none yet' : `${names}: yours, and closed to other users`)];
}

/**
 * @param handler binfmt_misc's entry for the other architecture; undefined if it is missing, 'unseen' if the engine runs
 *   elsewhere. docs.kernel.org/admin-guide/binfmt-misc.html
 */
export function emulationFinding(
  wanted: string,
  native: string | undefined,
  handler: string | undefined,
): Finding {
  const other = native === 'linux/amd64' ? 'linux/arm64' : 'linux/amd64';
  if (native === undefined || handler === 'unseen')
    return ok('emulation', 'unknown: the engine runs on another machine');
  const works = handler !== undefined && /^enabled$/m.test(handler) && /^flags: .*F/m.test(handler);
  if (works) return ok('emulation', `${native} natively, ${other} by emulation`);
  const found = `${native} only`;
  return wanted === native
    ? ok('emulation', `${found}: images for ${other} would need emulation`)
    : failed(
        'emulation',
        `${found}, but AI_RUN_PLATFORM is ${wanted}`,
        'register QEMU in binfmt_misc with flag F',
      );
}

/** @param free bytes that are free in the engine's storage; undefined if they are unknown. */
export function diskFinding(storage: string | undefined, free: number | undefined): Finding {
  if (storage === undefined || free === undefined)
    return ok('disk', 'unknown: the engine stores elsewhere; see `docker system df`');
  const found = `${Math.floor(free / 1e9)} GB free in ${storage}`;
  return free < roomy
    ? warning(
        'disk',
        found,
        'an image takes about 1 GB: see `docker system df` for reclaimable space',
      )
    : ok('disk', found);
}

export function leftoverFinding(gone: readonly string[]): Finding {
  return gone.length === 0
    ? ok('leftovers', 'killed sessions left nothing')
    : warning(
        'leftovers',
        `killed sessions: ${gone.join(', ')}`,
        'the next start of an agent removes them',
      );
}

export function terminalFinding(isTerminal: boolean, term: string | undefined): Finding {
  if (!isTerminal) return ok('terminal', 'no terminal: agents get pipes');
  return term === undefined || term === '' || term === 'dumb'
    ? warning(
        'terminal',
        `TERM is ${term ?? 'not set'}: full-screen agents cannot draw`,
        'export TERM=xterm-256color',
      )
    : ok('terminal', term);
}

/** @param error the registry's error, by the codes of `pullError`; undefined if it has the image. */
export function registryFinding(
  settings: Settings,
  image: string,
  error:
    | { readonly code: ErrorCode; readonly message: string; readonly hint?: string | undefined }
    | undefined,
): Finding {
  if (settings.source === 'local') return ok('registry', 'not used: images are local');
  if (error === undefined) return ok('registry', `${settings.registry} answers, and has ${image}`);
  // The registry answered the request, so it works, even if it lacks the image.
  if (error.code === 'E_NO_IMAGE' || error.code === 'E_NO_PLATFORM')
    return ok('registry', `${settings.registry} answers; it has no ${image}`);
  return failed(
    'registry',
    error.message,
    error.hint ?? formatCommand({ file: 'docker', args: ['login'] }),
    error.code,
  );
}

/** Returns the first problem of a file, in the order of the table. */
function problemOf(
  { name, kind, uid, mode }: OwnFile,
  expected: Expected,
  caller: number,
): Finding | undefined {
  // Settings may be links of a dotfile manager; their targets are checked when they are read.
  if (kind === 'symlink' && expected === 'file') return undefined;
  const octal = (mode & 0o777).toString(8).padStart(3, '0');
  const problems: readonly (readonly [isWrong: boolean, finding: Finding])[] = [
    [
      kind !== expected,
      failed('files', `${name} is not a ${expected}`, `move ${name} out of the way`),
    ],
    [
      uid !== caller,
      failed(
        'files',
        `${name} belongs to user ${uid}, not to you`,
        'make it yours with chown, or remove it',
      ),
    ],
    [
      (mode & 0o022) !== 0,
      failed('files', `${name} is writable by other users (mode ${octal})`, `chmod go-w ${name}`),
    ],
    [
      expected === 'folder' && (mode & 0o077) !== 0,
      warning('files', `${name} is readable by other users (mode ${octal})`, `chmod 700 ${name}`),
    ],
  ];
  return problems.find(([isWrong]) => isWrong)?.[1];
}
