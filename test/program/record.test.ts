import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Owner } from '../../ai-run/session/labels.rules.ts';
import { thisOwner } from '../../ai-run/session/owner.ts';
import { openRecord, sweepSessions } from '../../ai-run/session/record.ts';

/** A `docker` on PATH that only notes what it is asked: the engine's part is tested with a real one. */

let home: string;
const folder = (): string => join(home, '.ai-run/sessions');
const asked = (): Promise<string> => readFile(join(home, 'asked'), 'utf8').catch(() => '');
const answer = async (script: string): Promise<void> => {
  const program = join(home, 'docker');
  await writeFile(program, `#!/bin/sh\necho "$*" >> ${home}/asked\n${script}\n`);
  await chmod(program, 0o755);
};

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ai-run-record-'));
  vi.stubEnv('PATH', `${home}${delimiter}${process.env['PATH']}`);
  await answer('exit 0');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true });
});

const ended = async (): Promise<Owner> => {
  const child = spawn('true');
  await once(child, 'exit');
  return { ...(await thisOwner()), pid: child.pid ?? 0 };
};
const record = (name: string, owner: Owner) =>
  openRecord(home, { name, agent: 'a', project: '/p', owner });

describe('a record', () => {
  test('is there as long as its session', async () => {
    const part = record('one', await thisOwner());
    expect(await readdir(folder())).toEqual(['one']);
    await part.finish?.();
    expect(await readdir(folder())).toEqual([]);
  });

  test('is not written over another one', async () => {
    record('one', await thisOwner());
    const owner = await thisOwner();
    expect(() => record('one', owner)).toThrow('EEXIST');
  });

  test('that cannot be made names its folder, and what to do', async () => {
    await writeFile(join(home, '.ai-run'), '');
    const owner = await thisOwner();
    expect(() => record('one', owner)).toThrow(
      expect.objectContaining({
        code: 'E_FOLDER',
        message: expect.stringContaining(`${folder()} cannot be used: `) as string,
        hint: expect.stringContaining('a folder that you can write to') as string,
      }),
    );
  });
});

/** When docker's client of a killed ai-run had made the container, if it ever would. */
const old = (): Date => new Date(Date.now() - 11_000);

describe('the sweep', () => {
  test('asks the engine nothing where nobody was killed', async () => {
    await sweepSessions(home, process.env);
    record('alive', await thisOwner());
    await sweepSessions(home, process.env);
    expect(await asked()).toBe('');
    expect(await readdir(folder())).toEqual(['alive']);
  });

  test('removes the containers of the killed, and their records', async () => {
    record('alive', await thisOwner());
    record('dead-1', await ended());
    record('dead-2', await ended());
    await utimes(join(folder(), 'dead-1'), old(), old());
    await sweepSessions(home, process.env);
    expect(await asked()).toBe('rm --force --volumes dead-1 dead-2\n');
    // Docker's client may only be about to make the container of the second.
    expect(await readdir(folder())).toEqual(['alive', 'dead-2']);
  });

  test('takes a new one for new, however long its session took to get ready', async () => {
    const part = record('dead', await ended());
    await utimes(join(folder(), 'dead'), old(), old());
    part.renew();
    await sweepSessions(home, process.env);
    expect(await readdir(folder())).toEqual(['dead']);
  });

  test('removes what was made for a repository of the killed, and no other’s', async () => {
    for (const name of ['dead', 'alive'])
      await mkdir(join(home, '.ai-run/git', name, '0'), { recursive: true });
    record('alive', await thisOwner());
    record('dead', await ended());
    await sweepSessions(home, process.env);
    expect(await readdir(join(home, '.ai-run/git'))).toEqual(['alive', 'dead']);
    await utimes(join(folder(), 'dead'), old(), old());
    await sweepSessions(home, process.env);
    expect(await readdir(join(home, '.ai-run/git'))).toEqual(['alive']);
  });

  test('keeps the records while the engine is away', async () => {
    record('dead', await ended());
    await answer('echo "Cannot connect to the Docker daemon" >&2; exit 1');
    await sweepSessions(home, process.env);
    expect(await readdir(folder())).toEqual(['dead']);
  });

  test('leaves alone what is no record yet, and removes what never became one', async () => {
    record('alive', await thisOwner());
    await writeFile(join(folder(), 'half'), '{"ai-run.ses');
    await sweepSessions(home, process.env);
    expect(await readdir(folder())).toEqual(['alive', 'half']);
    expect(await asked()).toBe('');
    await utimes(join(folder(), 'half'), old(), old());
    await sweepSessions(home, process.env);
    expect(await readdir(folder())).toEqual(['alive']);
  });
});
