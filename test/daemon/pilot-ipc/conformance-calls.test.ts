/** Requests and answers of the original clients, byte by byte (pilotctl interface 2), by whole daemons. */
import { describe, expect } from 'vitest';

import { eventually } from '../../support/processes.ts';
import { test } from './conformance-test.ts';
import { HexClient, hexOf, withText } from './ipc-fixture.ts';

test('Info has every number, Health its own (0D, 21)', async ({ alice, bob, ipc }) => {
  const [infoOk, info] = await ipc.json('00000001 0d');
  expect(infoOk).toBe('0e');
  for (const name of [
    ...['node_id', 'uptime_secs', 'connections', 'ports', 'peers', 'encrypted_peers'],
    ...['authenticated_peers', 'bytes_sent', 'bytes_recv', 'pkts_sent', 'pkts_recv'],
    ...['tunnel_encryption_success', 'tunnel_encryption_failure', 'handshake_pending_count'],
    ...['relay_peer_count', 'accept_queue_drops', 'webhook_queue_dropped'],
    'webhook_circuit_skips',
  ]) {
    expect([name, typeof info[name]]).toEqual([name, 'number']);
  }
  expect(info).toMatchObject({
    ...{ node_id: alice.number, address: alice.address, hostname: 'alice', peers: 1 },
    ...{ encrypt: true, identity: true, owner: '', email: '', networks: [], conn_list: [] },
    peer_list: [{ node_id: bob.number, endpoint: expect.any(String) as string }],
    public_key: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/) as string,
  });
  const [healthOk, health] = await ipc.json('00000001 21');
  expect(healthOk).toBe('22');
  expect(health).toMatchObject({ status: 'ok', peers: 1, webhook_circuit_skips: 0 });
});

describe('trust (0F)', () => {
  test('Trusted, Wait, Revoke, Send, Pending, Approve, Reject', async ({ alice, bob, ipc }) => {
    const theirs = await HexClient.connect(bob);
    const trusted = await ipc.json('00000002 0f 05');
    expect(trusted).toEqual([
      '10',
      {
        trusted: [
          {
            node_id: bob.number,
            public_key: expect.stringMatching(/=$/) as string,
            approved_at: expect.any(Number) as number,
            ...{ mutual: true, network: 0 },
          },
        ],
      },
    ]);
    expect(await ipc.json(`0000000a 0f 07 ${bob.hex} 00000000`)).toEqual([
      '10',
      { node_id: bob.number, trusted: true },
    ]);
    expect(await ipc.json(`0000000a 0f 07 ${alice.hex} 00000000`)).toEqual([
      '10',
      { node_id: alice.number, trusted: true },
    ]);
    expect(await ipc.json('0000000a 0f 07 00000123 00000001')).toEqual([
      '10',
      { node_id: 0x123, trusted: false },
    ]);
    expect(await ipc.json(`00000006 0f 06 ${bob.hex}`)).toEqual([
      '10',
      { status: 'revoked', node_id: bob.number },
    ]);
    expect(await ipc.text(`00000006 0f 06 ${bob.hex}`)).toEqual([
      '0a0001',
      `handshake revoke: node ${bob.number} was not trusted`,
    ]);
    await eventually('bob has heard of it', async () => {
      const [, { trusted }] = await theirs.json('00000002 0f 05');
      return (trusted as unknown[]).length === 0 ? true : undefined;
    });
    const ask = `0000000a 0f 01 ${bob.hex} ${hexOf('work')}`;
    const pendingAtBob = async (): Promise<unknown> =>
      eventually('bob is asked', async () => {
        const [, { pending }] = await theirs.json('00000002 0f 04');
        return (pending as unknown[])[0];
      });
    expect(await ipc.json(ask)).toEqual(['10', { status: 'sent', node_id: bob.number }]);
    expect(await pendingAtBob()).toEqual({
      node_id: alice.number,
      public_key: expect.stringMatching(/=$/) as string,
      justification: 'work',
      received_at: expect.any(Number) as number,
    });
    expect(await theirs.json(`00000008 0f 03 ${alice.hex} ${hexOf('no')}`)).toEqual([
      '10',
      { status: 'rejected', node_id: alice.number },
    ]);
    expect(await theirs.text(`00000006 0f 02 ${alice.hex}`)).toEqual([
      '0a0001',
      expect.stringMatching(/^handshake approve: /),
    ]);
    await eventually('alice has heard of it', async () => {
      const [, { trusted: list }] = await ipc.json('00000002 0f 05');
      return (list as unknown[]).length === 0 ? true : undefined;
    });
    await ipc.json(ask);
    await pendingAtBob();
    // It waits while bob decides, and is answered when he has.
    ipc.send(`0000000a 0f 07 ${bob.hex} 00007530`);
    expect(await theirs.json(`00000006 0f 02 ${alice.hex}`)).toEqual([
      '10',
      { status: 'approved', node_id: alice.number },
    ]);
    expect(await ipc.frame()).toBe(
      `10${hexOf(JSON.stringify({ node_id: bob.number, trusted: true }))}`,
    );
  });

  test.for<[string, string]>([
    ['00000001 0f', 'handshake: missing sub-command'],
    ['00000002 0f ab', 'handshake: unknown sub-command 0xAB'],
    ['00000002 0f 01', 'handshake request: missing node_id'],
    ['00000003 0f 02 00', 'handshake approve: missing node_id'],
    ['00000002 0f 03', 'handshake reject: missing node_id'],
    ['00000002 0f 06', 'handshake revoke: missing node_id'],
  ])('%s: %s', async ([request, text], { ipc }) => {
    expect(await ipc.text(request)).toEqual(['0a0001', text]);
  });
});

test('what the registry answered: names, visibility, tags, webhook (11 to 1C)', async ({
  alice,
  bob,
  ipc,
}) => {
  const node_id = alice.number;
  expect(await ipc.json(withText('11', 'bob'))).toEqual([
    '12',
    {
      ...{ type: 'resolve_hostname_ok', node_id: bob.number, address: bob.address },
      ...{ hostname: 'bob', public: false },
    },
  ]);
  expect(await ipc.json(withText('13', 'alice-2'))).toEqual([
    '14',
    { type: 'set_hostname_ok', node_id, hostname: 'alice-2' },
  ]);
  expect(await ipc.json('00000001 13')).toEqual([
    '14',
    { type: 'set_hostname_ok', node_id, hostname: '' },
  ]);
  expect(await ipc.json('00000002 15 00')).toEqual([
    '16',
    { type: 'set_visibility_ok', node_id, visibility: 'private' },
  ]);
  expect(await ipc.text('00000002 15 01')).toEqual([
    '0a0001',
    expect.stringMatching(/^set_visibility: every node is private here/),
  ]);
  expect(await ipc.json('00000001 17')).toEqual(['18', { type: 'deregister_ok' }]);
  expect(await ipc.json(withText('19', '["gpu","fast"]'))).toEqual([
    '1a',
    { type: 'set_tags_ok', node_id, tags: ['gpu', 'fast'] },
  ]);
  expect(await ipc.json('00000001 1b')).toEqual(['1c', { webhook: '' }]);
});

test('RotateKey and PreferDirect (25, 2D)', async ({ alice, bob, ipc }) => {
  const [, { public_key: before }] = await ipc.json('00000001 0d');
  const [rotated, key] = await ipc.json('00000001 25');
  expect(rotated).toBe('26');
  expect(key).toMatchObject({ type: 'rotate_key_ok', node_id: alice.number });
  expect(key['public_key']).not.toBe(before);
  const [, { public_key: after }] = await ipc.json('00000001 0d');
  expect(after).toBe(key['public_key']);
  const [preferred, path] = await ipc.json(`00000005 2d ${bob.hex}`);
  expect(preferred).toBe('2e');
  expect(path).toMatchObject({
    ...{ node_id: bob.number, was_relay_pinned: false, pila_pushed: false, resolve_error: '' },
    ...{ had_tunnel: expect.any(Boolean) as boolean },
  });
});

test.for<[string, string]>([
  ['00000001 1d', 'unknown command: 0x1D'],
  ['00000002 1f 01', 'unknown command: 0x1F'],
  ['00000001 23', 'unknown command: 0x23'],
  ['00000001 00', 'unknown command: 0x00'],
  ['00000001 02', 'unknown command: 0x02'],
  ['00000001 ff', 'unknown command: 0xFF'],
  ['00000002 01 00', 'bind: missing port'],
  ['00000003 01 01bc', 'port 444 already bound'],
  ['00000002 03 00', 'dial: missing address/port'],
  ['00000002 08 00', 'close: missing conn_id'],
  ['00000001 11', 'resolve_hostname: missing hostname'],
  ['00000001 15', 'set_visibility: missing value'],
  ['00000001 2d', 'prefer_direct: missing node_id'],
  [withText('19', '["a","b","c","d"]'), 'set_tags: maximum 3 tags allowed'],
])('%s: %s', async ([request, text], { ipc }) => {
  expect(await ipc.text(request)).toEqual(['0a0001', text]);
});

test.for<[string, RegExp]>([
  ['00000009 03 0000 00000123 0007', /^resolve node 291: /],
  ['00000009 03 0007 00000123 0007', /^resolve node 291: there is no network 7$/],
  [withText('11', 'nobody'), /^resolve_hostname: /],
  [withText('13', 'No Name'), /^set_hostname: /],
  [withText('19', 'gpu'), /^set_tags: invalid JSON: /],
  [withText('1b', 'http://127.0.0.1/'), /^set_webhook: this daemon calls no webhooks/],
])('%s: %s', async ([request, pattern], { ipc }) => {
  expect(await ipc.text(request)).toEqual(['0a0001', expect.stringMatching(pattern)]);
});
