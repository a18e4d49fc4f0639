import { expect, test } from 'vitest';
import { chosenContext, endpointOf } from '../../../kernel/endpoint.ts';

test.each([
  [{}, undefined, undefined],
  [{}, '{}', undefined],
  [{}, 'no JSON', undefined],
  [{}, '{"currentContext":"rootless"}', 'rootless'],
  [{}, '{"currentContext":"default"}', undefined],
  [{ DOCKER_CONTEXT: 'desktop-linux' }, '{"currentContext":"rootless"}', 'desktop-linux'],
  [{ DOCKER_CONTEXT: 'default' }, '{"currentContext":"rootless"}', undefined],
  [{ DOCKER_CONTEXT: '' }, '{"currentContext":"rootless"}', 'rootless'],
])('with %j and %j the context is %s', (env, config, expected) => {
  expect(chosenContext(env, config)).toBe(expected);
});

const meta = JSON.stringify({
  Name: 'rootless',
  Endpoints: { docker: { Host: 'unix:///run/user/1000/docker.sock', SkipTLSVerify: false } },
});

test.each([
  [{}, undefined, undefined, { host: 'unix:///var/run/docker.sock', from: 'docker’s default' }],
  [{}, 'rootless', meta, { host: 'unix:///run/user/1000/docker.sock', from: 'context rootless' }],
  [{}, 'gone', undefined, undefined],
  [{}, 'odd', '{"Endpoints":null}', undefined],
  [
    { DOCKER_HOST: 'ssh://me@example.com' },
    undefined,
    undefined,
    { host: 'ssh://me@example.com', from: 'DOCKER_HOST' },
  ],
])('with %j, context %s and %j the engine is %j', (env, context, text, expected) => {
  expect(endpointOf(env, context, text)).toEqual(expected);
});
