import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { readEnvFile } from '../../../ai-run/settings/read-env-file.ts';

const root = mkdtempSync(join(tmpdir(), 'ai-env-'));
const path = join(root, '.ai-env');

const refused = (message: string, hint: string): unknown =>
  expect.objectContaining({ code: 'E_ENV_FILE', message, hint });

describe('~/.ai-env', () => {
  beforeEach(() => rmSync(path, { recursive: true, force: true }));
  afterAll(() => rmSync(root, { recursive: true }));

  test('need not exist', () => {
    expect(readEnvFile(path)).toEqual({});
  });

  test.each([0o600, 0o400, 0o700])('is read with mode %o', (mode) => {
    writeFileSync(path, 'TOKEN=1\n');
    chmodSync(path, mode);
    expect(readEnvFile(path)).toEqual({ TOKEN: '1' });
  });

  test.each([
    [0o644, '644'],
    [0o640, '640'],
    [0o604, '604'],
    [0o620, '620'],
    [0o602, '602'],
    [0o610, '610'],
    [0o666, '666'],
  ])('is refused with mode %o, with the command that helps', (mode, shown) => {
    writeFileSync(path, 'TOKEN=1\n');
    chmodSync(path, mode);
    expect(() => readEnvFile(path)).toThrow(
      refused(
        `${path} holds keys, but other users can read or write it (mode ${shown})`,
        `chmod 600 ${path}`,
      ),
    );
    execFileSync('/bin/sh', ['-c', `chmod 600 ${path}`]);
    expect(readEnvFile(path)).toEqual({ TOKEN: '1' });
  });

  test('may be a link to a private file, and to no other', () => {
    const target = join(root, 'target');
    writeFileSync(target, 'TOKEN=1\n', { mode: 0o600 });
    symlinkSync(target, path);
    expect(readEnvFile(path)).toEqual({ TOKEN: '1' });
    chmodSync(target, 0o644);
    expect(() => readEnvFile(path)).toThrow('other users can read');
  });

  test('is refused when it is a folder', () => {
    mkdirSync(path, { mode: 0o700 });
    expect(() => readEnvFile(path)).toThrow(
      refused(`${path} is not a file`, 'move it out of the way'),
    );
  });

  test('is refused when it is a pipe, without waiting for a writer', () => {
    execFileSync('/bin/sh', ['-c', `mkfifo -m 600 ${path}`]);
    expect(() => readEnvFile(path)).toThrow(
      refused(`${path} is not a file`, 'move it out of the way'),
    );
  });

  test('is refused when it is a device of another mode', () => {
    symlinkSync('/dev/null', path);
    expect(() => readEnvFile(path)).toThrow('is not a file');
  });

  test('is refused when it belongs to somebody else', () => {
    // root's for everybody, and not root's for root.
    const others = process.getuid?.() === 0 ? join(root, 'others') : '/etc/hostname';
    if (process.getuid?.() === 0) {
      writeFileSync(others, 'TOKEN=1\n', { mode: 0o600 });
      execFileSync('chown', ['1234', others]);
    }
    symlinkSync(others, path);
    expect(() => readEnvFile(path)).toThrow(/belongs to user \d+, not to you/);
  });

  test('is refused when it is no text', () => {
    writeFileSync(path, Buffer.from([0x41, 0x3d, 0xff, 0xfe]), { mode: 0o600 });
    expect(() => readEnvFile(path)).toThrow(
      refused(`${path} is not UTF-8 text`, 'write it again as text'),
    );
  });

  test('may begin with a byte order mark', () => {
    writeFileSync(path, '\uFEFFTOKEN=1\n', { mode: 0o600 });
    expect(readEnvFile(path)).toEqual({ TOKEN: '1' });
  });

  test('names itself in what is wrong with it', () => {
    writeFileSync(path, 'TOKEN\n', { mode: 0o600 });
    expect(() => readEnvFile(path)).toThrow(
      `${path} cannot be read:\n  line 1: expected NAME=value`,
    );
  });
});
