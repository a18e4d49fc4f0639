import { describe, expect, test } from 'vitest';
import {
  type BuildRecord,
  countSteps,
  currentStep,
  emptyRecord,
  failure,
  record,
} from '../../../bakery/builder/progress.rules.ts';
import { digest } from '../support.ts';

// Lines as `docker buildx build --progress=rawjson` wrote them, shortened to what is read.
const one = digest('1');
const two = digest('2');
const announced =
  `{"vertexes":[{"digest":"${two}","inputs":["${one}"],"name":"[stage-1 2/2] COPY nope /c"},` +
  `{"digest":"${one}","name":"[one 1/1] COPY a /a"}]}`;
const context = `{"vertexes":[{"digest":"${digest('3')}","name":"[internal] load build context","started":"2026-11-21T10:16:07.588427213Z","completed":"2026-11-21T10:16:07.588473199Z"}]}`;
const started = `{"vertexes":[{"digest":"${one}","name":"[one 1/1] COPY a /a","started":"2026-11-21T10:16:08.265461126Z"}]}`;
const completed = `{"vertexes":[{"digest":"${one}","name":"[one 1/1] COPY a /a","started":"2026-11-21T10:16:08.265461126Z","completed":"2026-11-21T10:16:08.337187851Z"}]}`;
const cached = `{"vertexes":[{"digest":"${one}","name":"[one 1/1] COPY a /a","started":"2026-11-21T10:16:07.747188762Z","completed":"2026-11-21T10:16:07.747188762Z","cached":true}]}`;
const canceled = `{"vertexes":[{"digest":"${one}","name":"[one 1/1] COPY a /a","started":"2026-11-21T10:16:07.746986395Z","completed":"2026-11-21T10:16:07.749656194Z","error":"context canceled: context canceled"}]}`;
const transfer = `{"statuses":[{"id":"transferring context:","vertex":"${digest('3')}","name":"transferring","current":31,"timestamp":"2026-11-21T10:16:07.73989093Z"}]}`;
const runs = `{"vertexes":[{"digest":"${two}","name":"[agent 4/4] RUN id","started":"2026-11-21T10:16:08.265461126Z"}]}`;
const failed = `{"vertexes":[{"digest":"${two}","name":"[agent 4/4] RUN id","started":"2026-11-21T10:16:08.265461126Z","completed":"2026-11-21T10:16:08.337187851Z","error":"process \\"/bin/sh -c id\\" did not complete successfully: exit code: 3"}]}`;

const printed = (text: string): string =>
  JSON.stringify({
    logs: [{ vertex: two, stream: 2, data: Buffer.from(text).toString('base64') }],
  });

const after = (...lines: string[]): BuildRecord => lines.reduce(record, emptyRecord);

/** Everything that the log of these lines holds. */
const log = (...lines: string[]): string => {
  let all = emptyRecord;
  return lines
    .map((line) => {
      all = record(all, line);
      return all.added;
    })
    .join('');
};

describe('the log of a build', () => {
  test('names each step once, when it starts', () => {
    expect(log(announced, context, started, transfer, completed)).toBe(
      '# [internal] load build context\n# [one 1/1] COPY a /a\n',
    );
  });

  test('holds what steps print, as it comes', () => {
    expect(log(runs, printed('half a '), printed('line\nGrüße\n'))).toBe(
      '# [agent 4/4] RUN id\nhalf a line\nGrüße\n',
    );
  });

  test('says which step failed and how', () => {
    expect(log(runs, failed)).toContain('[agent 4/4] RUN id: process "/bin/sh -c id" did not');
  });

  test.each([
    'ERROR: failed to solve: "/nope": not found',
    'D:5',
    '   3 |     FROM one',
    '{"half',
    '',
  ])('keeps the line %j, which is no progress', (line) => {
    expect(log(line)).toBe(`${line}\n`);
  });

  test('has nothing of a line about transfers', () => {
    expect(log(transfer)).toBe('');
  });
});

describe('the steps of a build', () => {
  test.each<[string, string[], { executed: number; total: number }]>([
    ['are none at first', [], { executed: 0, total: 0 }],
    ['are counted once announced', [announced], { executed: 0, total: 2 }],
    ['have not run while they run', [announced, started], { executed: 0, total: 2 }],
    ['have run once completed', [announced, started, completed], { executed: 1, total: 2 }],
    [
      'have not run where the cache had them',
      [announced, started, cached],
      { executed: 0, total: 2 },
    ],
    ['stay completed when they are told again', [completed, started], { executed: 1, total: 1 }],
    ['are not what BuildKit does for itself', [context], { executed: 0, total: 0 }],
  ])('%s', (_, lines, counts) => {
    expect(countSteps(after(...lines))).toEqual(counts);
  });

  test.each([
    ['[linux/arm64 agent 2/4] WORKDIR /out', 1],
    ['[ai-otter_go agent 4/4] RUN <<EOF (set -eu...)', 1],
    ['[agent 1/4] FROM docker.io/library/node', 0],
    ['[download-amd64 1/1] ADD https://example.com/x /download', 1],
    ['exporting to image', 0],
  ])('count %s as %i', (name, total) => {
    const line = JSON.stringify({ vertexes: [{ digest: one, name }] });
    expect(countSteps(after(line)).total).toBe(total);
  });

  test('have a current one, the last that is not completed', () => {
    expect(currentStep(after(context))).toBe('');
    expect(currentStep(after(completed, runs))).toBe('[agent 4/4] RUN id');
  });
});

describe('the failure of a build', () => {
  test('is nothing where all went well', () => {
    expect(failure(after(announced, started, completed))).toBeUndefined();
  });

  test('is not a step that was canceled because of another', () => {
    expect(failure(after(canceled))).toBeUndefined();
    expect(failure(after(canceled, failed))?.step).toBe('[agent 4/4] RUN id');
  });

  test('is not that of a step that another build had shared, and that was started again', () => {
    const before = `{"vertexes":[{"digest":"${one}","name":"[agent 1/3] FROM image","started":"2026-11-22T09:42:12.871994092Z","completed":"2026-11-22T09:42:12.872444902Z","cached":true,"error":"not found"}]}`;
    const again = `{"vertexes":[{"digest":"${one}","name":"[agent 1/3] FROM image","started":"2026-11-22T09:42:12.873191545Z","completed":"2026-11-22T09:42:12.888778659Z"}]}`;
    expect(failure(after(before, again))).toBeUndefined();
    expect(failure(after(before))?.error).toBe('not found');
    expect(failure(after(before, again, failed))?.step).toBe('[agent 4/4] RUN id');
  });

  test('is the step, its error, and the last of what it printed', () => {
    const lines = Array.from({ length: 20 }, (_, at) => `line ${at}\n`).join('');
    const found = failure(after(runs, printed(lines), printed('the end\n'), failed));
    expect(found?.step).toBe('[agent 4/4] RUN id');
    expect(found?.error).toMatch(/exit code: 3$/);
    expect(found?.output.split('\n')).toHaveLength(12);
    expect(found?.output).toMatch(/^line 9\n[\s\S]*\nline 19\nthe end$/);
  });

  test('has no output where it printed nothing', () => {
    expect(failure(after(failed))?.output).toBe('');
  });
});
