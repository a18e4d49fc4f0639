import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import type { Mount } from '@ai-bakery/kernel/policy.ts';
import { formatReference, parseReference } from '@ai-bakery/kernel/reference.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { type Trust, trustWord, verifyCommand, verifyError } from '@ai-bakery/kernel/cosign.ts';
import type { Verify } from '@ai-bakery/kernel/trust.ts';
import { capture } from '../host/exec.ts';
import { longest } from '../host/read-own.ts';
import { writeWhole } from '../host/write-whole.ts';
import { folderOnTheWay } from '../host/places.ts';

/** Whether an image was signed by whom the user trusts. What was found out is remembered: a digest says it once and for all. */

/** Milliseconds: of a registry that does not answer, cosign would wait for minutes. */
const patience = 60_000;

type Subject = {
  /** The engine's identity of the image that will run. */
  readonly id: string;
  /** The name it was found by, e.g. `registry.example.com/ai/ai-claude:go`. */
  readonly name: string;
  readonly userHome: string;
  /** Nobody is asked over the network before it is fulfilled. */
  readonly agreed: Promise<void>;
};

/** @throws UserError E_VERIFY for a key that cannot be read, or that others may have written. */
export function openTrust(verify: Verify, userHome: string): Trust {
  return {
    verify,
    key: verify.kind === 'key' ? readKey(keyPath(verify.path, userHome)) : undefined,
  };
}

/**
 * Refuses a key that a session could replace, so that it decided by itself what runs next.
 * @throws UserError E_VERIFY with the path.
 */
export function checkKeyPlace(verify: Verify, mounts: readonly Mount[], userHome: string): void {
  if (verify.kind !== 'key') return;
  const path = keyPath(verify.path, userHome);
  // One that is not there as well: an agent could write it.
  const folder = folderOnTheWay(path, [
    ...mounts.map(({ target }) => target),
    ...['.ai-home', '.ai-cache'].map((name) => join(userHome, name)),
  ]);
  if (folder === undefined) return;
  throw refused(
    path,
    `is in a folder that the agent may change, or a symbolic link on the way to it is: ${printable(folder)}`,
    'keep it elsewhere, like in ~/.config',
  );
}

/** Whether this digest was signed by whom is trusted now, as far as that was found out before. */
export function wasVerified(userHome: string, digest: string, trust: Trust): boolean {
  try {
    return readFileSync(knownPath(userHome, digest), 'utf8') === trustWord(trust);
  } catch {
    return false;
  }
}

/**
 * Refuses an image that was not signed, for this very digest, by whom is trusted. Asks cosign the first time only.
 * @throws UserError E_UNSIGNED, E_SIGNATURE, E_VERIFY; E_NO_PROGRAM where there is no cosign.
 */
export async function verifyImage(verify: Verify, subject: Subject): Promise<void> {
  const { id, name, userHome, agreed } = subject;
  const trust = openTrust(verify, userHome);
  if (wasVerified(userHome, id, trust)) return;
  await agreed;
  const { tag: _tag, digest: _digest, ...place } = parseReference(name);
  const repository = formatReference(place);
  let failure: UserError | undefined;
  for (const digest of await digestsOf(id, repository)) {
    const image = `${repository}@${digest}`;
    // oxlint-disable-next-line no-await-in-loop -- one is enough, and there is hardly ever another
    const answer = await ask(trust, image);
    if (answer.code === 0) {
      keepVerified(userHome, id, trust);
      return;
    }
    failure ??= verifyError(trust, image, answer);
  }
  if (failure !== undefined) throw failure;
}

/** The text of a file that nobody else could have written. */
function readKey(path: string): string {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw refused(
      path,
      `cannot be read: ${messageOf(error)}`,
      'name the public key that images are signed with, as `cosign generate-key-pair` writes it: cosign.pub',
    );
  }
  try {
    const { mode, uid, size } = fstatSync(file);
    if ((mode & 0o022) !== 0 || (uid !== 0 && uid !== process.getuid?.()))
      throw refused(path, 'can be written by others than you', 'see who has, then: chmod go-w it');
    const text = size <= longest ? readFileSync(file, 'utf8') : '';
    if (/^-----BEGIN PUBLIC KEY-----$/m.test(text)) return text;
  } finally {
    closeSync(file);
  }
  throw refused(path, 'is no public key', 'it begins with -----BEGIN PUBLIC KEY-----');
}

function keyPath(path: string, userHome: string): string {
  return path.startsWith('~/') ? join(userHome, path.slice(2)) : path;
}

function refused(path: string, what: string, hint: string): UserError {
  return new UserError('E_VERIFY', `AI_IMAGE_VERIFY: ${printable(path)} ${what}`, { hint });
}

function knownPath(userHome: string, digest: string): string {
  return join(userHome, '.ai-run/verified', digest.replace(/^sha256:/, ''));
}

/**
 * Digests under which this repository has the image. With the containerd image store that is the engine's own identity
 * of it; an engine with another store knows images by what it made of them, and notes where it got them from.
 */
async function digestsOf(id: string, repository: string): Promise<readonly string[]> {
  const { code, stdout } = await capture({
    file: 'docker',
    args: ['image', 'inspect', '--format={{range .RepoDigests}}{{println .}}{{end}}', id],
  });
  const noted = (code === 0 ? stdout : '')
    .split('\n')
    .flatMap((line) =>
      line.startsWith(`${repository}@`) ? [line.slice(repository.length + 1)] : [],
    );
  return noted.length === 0 || noted.includes(id) ? [id] : noted;
}

async function ask(trust: Trust, image: string): ReturnType<typeof capture> {
  try {
    return await capture(verifyCommand(trust, image), undefined, patience);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.code, `AI_IMAGE_VERIFY is set, but ${error.message}`, {
      hint: 'install cosign, version 2 or 3, which checks signatures; or take out AI_IMAGE_VERIFY',
      cause: error,
    });
  }
}

/** Never fails: the next start finds it out again. */
function keepVerified(userHome: string, digest: string, trust: Trust): void {
  const path = knownPath(userHome, digest);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeWhole(path, trustWord(trust));
  } catch {
    // A full disk is for others to report.
  }
}
