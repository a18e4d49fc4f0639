import { describe, expect, test } from 'vitest';
import {
  parseSession,
  type Session,
  sessionLabels,
  sessionName,
} from '../../../ai-run/session/labels.rules.ts';

const session: Session = {
  name: 'claude-shop-3f9a2c',
  agent: 'claude',
  project: '/home/me/a, "b"\n=c',
  owner: { host: 'desk', uid: 1000, pid: 42, started: 'Sat Nov 21 13:00:00 2026' },
};

describe('sessionName', () => {
  test.each([
    ['/home/me/shop', 'claude-shop-3f9a2c'],
    ['/home/me/My Shop, Ltd.', 'claude-my-shop-ltd-3f9a2c'],
    ['/home/me/-._', 'claude-project-3f9a2c'],
    ['/home/me/日本', 'claude-project-3f9a2c'],
    [`/${'a'.repeat(200)}`, `claude-${'a'.repeat(30)}-3f9a2c`],
  ])('of %j is a name that docker takes', (project, name) => {
    expect(sessionName('claude', project, '3f9a2c')).toBe(name);
    expect(name).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/);
  });
});

describe('labels', () => {
  test('carry a session whatever its folder is called', () => {
    expect(parseSession(sessionLabels(session))).toEqual(session);
  });

  test.each([
    ['no label', {}],
    ['no owner', { ...sessionLabels(session), 'ai-run.owner': '' }],
    ['an owner without a process', { ...sessionLabels(session), 'ai-run.owner': 'desk me 42 now' }],
    ['no agent', { ...sessionLabels(session), 'ai-run.agent': undefined }],
  ])('of somebody else are no session: %s', (_, labels) => {
    expect(parseSession(labels as Record<string, string>)).toBeUndefined();
  });
});
