/** Shows long work on standard error: running tasks in place on a terminal, one line per event elsewhere. */

import { createLogUpdate } from 'log-update';
import { duration, paint } from './format.ts';

export type Display = {
  readonly start: (task: string) => void;
  readonly detail: (task: string, text: string) => void;
  readonly end: (task: string, outcome: 'done' | 'failed', note: string) => void;
  readonly close: () => void;
};

const silent: Display = { start: () => {}, detail: () => {}, end: () => {}, close: () => {} };

export function openDisplay(kind: 'auto' | 'none'): Display {
  if (kind === 'none') return silent;
  const stream = process.stderr;
  const running = new Map<string, { readonly since: number; text: string }>();
  const screen = stream.isTTY ? createLogUpdate(stream) : undefined;
  const draw = (): void => {
    const height = Math.max(3, (stream.rows ?? 24) - 4);
    const lines = [...running].map(([task, { since, text }]) =>
      `  ${task}  ${paint('dim', `${duration(performance.now() - since)}  ${text}`, stream)}`.slice(
        0,
        (stream.columns ?? 80) + 8,
      ),
    );
    const more = lines.length > height ? [`  … and ${lines.length - height} more`] : [];
    screen?.([...lines.slice(0, height), ...more].join('\n'));
  };
  const timer = screen === undefined ? undefined : setInterval(draw, 200).unref();
  return {
    start: (task) => {
      running.set(task, { since: performance.now(), text: '' });
      if (screen === undefined) stream.write(`  ${task} …\n`);
    },
    detail: (task, text) => {
      const entry = running.get(task);
      if (entry !== undefined) entry.text = text;
    },
    end: (task, outcome, note) => {
      const since = running.get(task)?.since ?? performance.now();
      running.delete(task);
      const mark = outcome === 'done' ? paint('green', '✔', stream) : paint('red', '✖', stream);
      const line = `${mark} ${task}  ${duration(performance.now() - since)}${note === '' ? '' : `  ${note}`}`;
      if (screen === undefined) stream.write(`${line}\n`);
      else screen.persist(line);
    },
    close: () => {
      clearInterval(timer);
      screen?.clear();
      screen?.done();
    },
  };
}
