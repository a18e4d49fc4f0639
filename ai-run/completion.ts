import { candidates } from './core/completion.ts';
import { completionScript, shells } from './core/completion-script.ts';
import { contractLabel } from './core/image.ts';
import { splitName } from './core/image-list.ts';
import { usage } from './core/options.ts';
import { sessionLabel } from './core/session.ts';
import { capture } from './exec.ts';

/** Milliseconds: whoever pressed Tab waits. */
const patience = 2000;

/** Lines that docker prints; none where it does not answer. */
const ask = async (...args: readonly string[]): Promise<readonly string[]> => {
  const { stdout } = await capture({ file: 'docker', args }, undefined, patience).catch(() => ({
    stdout: '',
  }));
  return stdout.split('\n').filter((line) => line !== '');
};

const images = async () =>
  (
    await ask('image', 'ls', `--filter=label=${contractLabel}`, '--format={{.Repository}}:{{.Tag}}')
  ).flatMap((name) => splitName(name) ?? []);

const sessions = () =>
  ask('ps', `--filter=label=${sessionLabel}`, `--format={{.Label "${sessionLabel}"}}`);

/** `ai-run completion <shell>` prints a script; the script asks `ai-run completion --words -- …` what could follow. */
export const completion = async (words: readonly string[]): Promise<number> => {
  const [first, ...rest] = words;
  if (first === '--words') {
    const typed = rest[0] === '--' ? rest.slice(1) : rest;
    const found = await candidates(typed, { images, sessions });
    if (found.length > 0) process.stdout.write(`${found.join('\n')}\n`);
    return 0;
  }
  const shell = shells.find((one) => one === first);
  if (shell === undefined || rest.length > 0)
    throw usage(
      `completion is there for ${shells.join(', ')}, got ${JSON.stringify(words.join(' '))}`,
    );
  process.stdout.write(`${completionScript(shell)}\n`);
  return 0;
};
