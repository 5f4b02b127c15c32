import { request as httpRequest } from 'node:http';

import { expect, test } from 'vitest';

import { REPLIES } from '../../../src/daemon/api/api-replies.ts';
import { NETCHECK } from '../../client/fake-netcheck.ts';
import { call, startApi } from '../api/api-fixture.ts';

const ROUTE = { method: 'POST', path: '/v1/netcheck' };

test.each([{}, { force: true }])('asked with %o', async (body) => {
  const { node, socketPath } = await startApi();
  const reply = await call(socketPath, { ...ROUTE, body });
  expect(reply).toMatchObject({ status: 200, json: NETCHECK });
  expect(node.calls).toEqual([{ name: 'netcheck', args: [body] }]);
  expect(REPLIES.netcheck.safeParse(reply.json)).toMatchObject({ success: true });
});

test.each([{ force: 'yes' }, { target: 'beta' }])('%o is refused', async (body) => {
  const { node, socketPath } = await startApi();
  const reply = await call(socketPath, { ...ROUTE, body });
  expect(reply).toMatchObject({ status: 400, json: { code: 'invalid_argument' } });
  expect(node.calls).toEqual([]);
});

test('a client that hangs up ends it', async () => {
  const { node, socketPath } = await startApi();
  node.isWaiting = true;
  const [arrived, aborted] = [node.nextWait(), node.nextAbort()];
  const request = httpRequest({ socketPath, ...ROUTE, agent: false });
  request.on('error', () => undefined);
  request.end('{}');
  await arrived;
  request.destroy();
  await aborted;
  expect(node.aborted).toHaveLength(1);
});
