import { CommanderError } from 'commander';
import { describe, expect, test, vi } from 'vitest';

import { PilotError } from '../../src/base/pilot-error.ts';
import { TokenBucket } from '../../src/base/token-bucket.ts';
import { DEFAULT_RELAY_CLIENT_SETTINGS } from '../../src/relay/client-settings.ts';
import {
  aboutLimit,
  BURST_SECONDS,
  DEFAULT_LIMITS,
  LIMIT_NAMES,
  maxBodyBytes,
  maxUntakenBytes,
  rangeOfLimit,
} from '../../src/relay/limits.ts';
import { DATA_HEADER_BYTES } from '../../src/relay/protocol.ts';
import { parseRelayOptions } from '../../src/relay/relay-options.ts';
import { MAX_ENVELOPE_BYTES } from '../../src/session/envelope.ts';
import { MIN_LINK_PACKET_BYTES } from '../../src/session/packet.ts';

describe('without options', () => {
  const options = parseRelayOptions([]);
  test('it listens everywhere, answers STUN, is open, and logs JSON', () => {
    expect(options).toMatchObject({
      listen: { host: '::', port: 7443 },
      stun: [{ host: '::', port: 3478 }],
      access: { kind: 'open' },
      duplicates: 'newest',
      logLevel: 'info',
      logFormat: 'json',
    });
    expect(options.tls).toBeUndefined();
    expect(options.store).toMatch(/\.pilot-relay$/);
  });
  test('every limit has its default, above zero, and says what it bounds', () => {
    expect(options.limits).toEqual(DEFAULT_LIMITS);
    expect(LIMIT_NAMES.length).toBeGreaterThan(30);
    for (const name of LIMIT_NAMES) {
      expect(DEFAULT_LIMITS[name]).toBeGreaterThan(0);
      expect(aboutLimit(name)).not.toBe('');
    }
  });
});

test('what is given counts', () => {
  const argv =
    '--listen 127.0.0.1:0 --stun off --store /tmp/s --tls-cert c --tls-key k --duplicate oldest ' +
    '--log-level debug --log-format text --max-connections-per-ip 9 --max-frame-bytes 2000000';
  expect(parseRelayOptions(argv.split(' '))).toMatchObject({
    listen: { host: '127.0.0.1', port: 0 },
    stun: [],
    store: '/tmp/s',
    tls: { certFile: 'c', keyFile: 'k' },
    duplicates: 'oldest',
    logLevel: 'debug',
    logFormat: 'text',
    limits: { maxConnectionsPerIp: 9, maxFrameBytes: 2_000_000 },
  });
});

test('relays let through the largest packet of a session, the largest envelope, and no more than nodes take', () => {
  const { min: least, max: most } = rangeOfLimit('maxFrameBytes');
  expect(most).toBe(DEFAULT_RELAY_CLIENT_SETTINGS.maxFrameBytes);
  expect(least).toBeGreaterThanOrEqual(DATA_HEADER_BYTES + MIN_LINK_PACKET_BYTES);
  expect(maxBodyBytes({ ...DEFAULT_LIMITS, maxFrameBytes: least })).toBeGreaterThanOrEqual(
    MAX_ENVELOPE_BYTES,
  );
  const limitOf = (bytes: number): number =>
    parseRelayOptions(['--max-frame-bytes', String(bytes)]).limits.maxFrameBytes;
  expect(limitOf(least)).toBe(least);
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  expect(() => limitOf(least - 1)).toThrow(`at least ${least}`);
  expect(limitOf(most)).toBe(most);
  expect(() => limitOf(most + 1)).toThrow(`at most ${most}`);
  stderr.mockRestore();
});

test('no limit keeps the largest envelope from being put, or from reaching its node', () => {
  const { max: frame } = rangeOfLimit('maxFrameBytes');
  const perSecond = rangeOfLimit('maxPutBytesPerSecondPerPrefix').min;
  const bucket = new TokenBucket({ perSecond, burst: perSecond * BURST_SECONDS }, 0);
  expect(bucket.take(0, maxBodyBytes({ ...DEFAULT_LIMITS, maxFrameBytes: frame }))).toBe(true);
  const maxSendBufferBytes = rangeOfLimit('maxSendBufferBytes').min;
  const window = maxUntakenBytes({ ...DEFAULT_LIMITS, maxUntakenBytes: 1e9, maxSendBufferBytes });
  expect(window).toBeGreaterThan(0);
  expect(window + frame).toBeLessThanOrEqual(maxSendBufferBytes);
});

test.each([
  [['--token', 'a', '--token', 'b'], { kind: 'token', tokens: ['a', 'b'], file: undefined }],
  [['--access', 'token', '--token-file', 'f'], { kind: 'token', tokens: [], file: 'f' }],
  [['--allow-file', 'f'], { kind: 'allow', file: 'f' }],
  [['--access', 'open'], { kind: 'open' }],
])('%j is access %o', (argv, access) => {
  expect(parseRelayOptions(argv).access).toEqual(access);
});

test('two STUN addresses are both kept', () => {
  const argv = ['--stun', '192.0.2.1:3478', '--stun', '192.0.2.2:3479'];
  expect(parseRelayOptions(argv).stun).toEqual([
    { host: '192.0.2.1', port: 3478 },
    { host: '192.0.2.2', port: 3479 },
  ]);
});

test.each([
  [['--stun', 'off', '--stun', ':3478']],
  [['--stun', '192.0.2.1:3478', '--stun', '192.0.2.2:3478']],
  [['--tls-cert', 'c']],
  [['--tls-key', 'k']],
  [['--access', 'token']],
  [['--access', 'allow']],
  [['--access', 'open', '--token', 'a']],
  [['--access', 'allow', '--token', 'a']],
  [['--token', 'a', '--allow-file', 'f']],
])('%j contradicts itself', (argv) => {
  expect(() => parseRelayOptions(argv)).toThrow(PilotError);
});

test.each([
  [['--bogus']],
  [['extra']],
  [['--listen', 'x']],
  [['--listen', 'a:99999']],
  [['--stun', 'x']],
  [['--access', 'maybe']],
  [['--duplicate', 'both']],
  [['--log-level', 'loud']],
  [['--max-connections', '0']],
  [['--max-connections', '1.5']],
  [['--max-connections', 'many']],
  [['--token', '']],
])('%j is not understood', (argv) => {
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  expect(() => parseRelayOptions(argv)).toThrow(CommanderError);
  expect(stderr).toHaveBeenCalled();
  stderr.mockRestore();
});
