import { beforeEach, describe, expect, test } from 'vitest';

import { FileRoots } from '../../../src/cli/mcp/file-roots.ts';
import type { FakeDaemon } from '../../client/fake-daemon.ts';
import { errorOf, helpfulSession, InMemorySession } from './in-memory.ts';

let daemon: FakeDaemon;
let session: InMemorySession;

beforeEach(async () => {
  const fileRoots = await FileRoots.of([import.meta.dirname]);
  ({ daemon, session } = await helpfulSession({ allowTrust: true, fileRoots }));
});

describe('bad input', () => {
  const long = 'x'.repeat(300);
  test.each<[string, Record<string, unknown>, RegExp]>([
    ['pilot_info', { verbose: true }, /verbose/],
    ['pilot_find', {}, /^target: /],
    ['pilot_find', { target: '' }, /^target: /],
    ['pilot_find', { target: long }, /^target: /],
    ['pilot_peers', { search: 7 }, /^search: /],
    ['pilot_ping', { target: 'bob', timeout_ms: 0 }, /^timeout_ms: /],
    ['pilot_ping', { target: 'bob', timeout_ms: 1e9 }, /^timeout_ms: /],
    ['pilot_ping', { target: 'bob', path: 'magic' }, /^path: /],
    ['pilot_handshake', { target: ['bob'] }, /^target: /],
    ['pilot_handshake', { target: 'bob', wait_ms: -1 }, /^wait_ms: /],
    ['pilot_handshake', { target: 'bob', justification: 'x'.repeat(1025) }, /^justification: /],
    ['pilot_pending', { target: 'bob' }, /target/],
    ['pilot_approve', {}, /^target: /],
    ['pilot_reject', { target: 'bob', reason: 1 }, /^reason: /],
    ['pilot_publish', { target: 'bob', topic: '', data: 'x' }, /^topic: /],
    ['pilot_publish', { target: 'bob', topic: 'x'.repeat(1025), data: 'x' }, /^topic: /],
    [
      'pilot_publish',
      { target: 'bob', topic: 'a', data: 'AAA', encoding: 'base64' },
      /^data is not base64$/,
    ],
    ['pilot_send', { target: 'bob' }, /^data: /],
    ['pilot_send', { data: 'x' }, /^target: /],
    ['pilot_send', { target: 'bob', data: { a: 1 } }, /^data: /],
    ['pilot_send', { target: 'bob', data: 'x', type: 'html' }, /^type: /],
    ['pilot_send', { target: 'bob', data: '{', type: 'json' }, /^data is not JSON$/],
    ['pilot_send', { target: 'bob', data: 'a b=', type: 'binary' }, /^data is not base64$/],
    ['pilot_send', { target: 'bob', data: 'AAA', type: 'binary' }, /^data is not base64$/],
    ['pilot_send', { target: 'bob', data: 'x'.repeat(1_400_000) }, /^data: /],
    ['pilot_send', { target: 'bob', data: 'x', wait_ms: 600_001 }, /^wait_ms: /],
    ['pilot_send', { target: 'bob', data: 'x', expires_ms: 0 }, /^expires_ms: /],
    ['pilot_send', { target: 'bob', data: 'x', reply_to: '' }, /^reply_to: /],
    ['pilot_inbox', { limit: 0 }, /^limit: /],
    ['pilot_inbox', { limit: 101 }, /^limit: /],
    ['pilot_inbox', { unread: 'yes' }, /^unread: /],
    ['pilot_inbox', { since: long }, /^since: /],
    ['pilot_read', {}, /^id: /],
    ['pilot_read', { id: '1', offset: -1 }, /^offset: /],
    ['pilot_read', { id: '1', offset: 0.5 }, /^offset: /],
    ['pilot_read', { id: '1', max_bytes: 1e9 }, /^max_bytes: /],
    ['pilot_read', { id: '1', as: 'hex' }, /^as: /],
    ['pilot_outbox', { message_id: '' }, /^message_id: /],
    ['pilot_received', { limit: 101 }, /^limit: /],
    ['pilot_received', { clear: true }, /clear/],
    ['pilot_read_file', { name: '' }, /^name: /],
    ['pilot_read_file', { name: 'x', max_bytes: 262_145 }, /^max_bytes: /],
    ['pilot_send_file', { target: 'bob' }, /^path: /],
    ['pilot_send_file', { target: 'bob', path: 'x'.repeat(4097) }, /^path: /],
    ['pilot_send_file', { target: 'bob', path: ['x'] }, /^path: /],
  ])('%s: %#', async (name, args, message) => {
    const result = await session.call(name, args);
    expect(errorOf(result)).toEqual({
      code: 'invalid_argument',
      message: expect.stringMatching(message) as string,
      hint: expect.any(String) as string,
    });
    expect(result._meta).toEqual({ 'pilot-overlay/error': errorOf(result) });
    expect(daemon.calls).toEqual([]);
  });

  test('what it complains of is bounded and plain', async () => {
    const name = '\u202E'.repeat(5000);
    const { message = '' } = errorOf(await session.call('pilot_info', { [name]: 1 }));
    expect(message.length).toBeLessThanOrEqual(500);
    expect(message).not.toContain('\u202E');
  });

  test('a tool that is not there, and one that is off', async () => {
    await expect(session.call('pilot_rm')).rejects.toThrow('Unknown tool');
    await session.close();
    session = await new InMemorySession(daemon.socketPath).connect();
    await expect(session.call('pilot_approve', { target: 'bob' })).rejects.toThrow('--allow-trust');
    expect(daemon.callsTo('approveTrust')).toEqual([]);
    const send = { target: 'bob', path: 'x' };
    await expect(session.call('pilot_send_file', send)).rejects.toThrow('--allow-files');
  });
});
