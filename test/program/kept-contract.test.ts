import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepContract, recallContract } from '../../ai-run/image/kept-contract.ts';
import type { Contract } from '../../kernel/contract.ts';

/** The contract of a known image is read without its validator: a damaged file is validated again. */

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ai-run-kept-'));
});
afterEach(() => rmSync(home, { recursive: true }));

const image = { id: 'sha256:1', platform: 'linux/amd64', engine: undefined } as const;
const contract = { schema: 1, agent: 'otter', version: '1', command: ['otter'] } as Contract;

/** Changes the kept file as the function says. */
const change = (to: (kept: Record<string, unknown>) => unknown): void => {
  const folder = join(home, '.ai-run/images');
  const [name = ''] = readdirSync(folder);
  const kept: unknown = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  writeFileSync(join(folder, name), JSON.stringify(to(kept as Record<string, unknown>)));
};

test('a kept contract is recalled', () => {
  keepContract(home, image, contract);
  change((kept) => kept);
  expect(recallContract(home, image)).toEqual(contract);
});

test.each([
  ['null', () => null],
  ['a text', () => 'x'],
  ['no contract', ({ validator }: Record<string, unknown>) => ({ validator })],
  ['another contract', (kept: Record<string, unknown>) => ({ ...kept, contract: 5 })],
  ['no command', (kept: Record<string, unknown>) => ({ ...kept, contract: { agent: 'otter' } })],
  [
    'a command of numbers',
    (kept: Record<string, unknown>) => ({ ...kept, contract: { ...contract, command: [1] } }),
  ],
  ['another validator', (kept: Record<string, unknown>) => ({ ...kept, validator: 'x' })],
])('%s is not', (_, to) => {
  keepContract(home, image, contract);
  change(to);
  expect(recallContract(home, image)).toBeUndefined();
});
