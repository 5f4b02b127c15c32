import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { PilotError } from '../../src/base/pilot-error.ts';
import { encodeNodeId } from '../../src/identity/node-id.ts';
import { SecretKey } from '../../src/identity/secret-key.ts';
import { formatRelayUrl, isPinned, parseRelayUrl } from '../../src/relay/relay-url.ts';
import { seededRandom } from '../support/seeded-random.ts';

const key = SecretKey.generate(seededRandom(1)).publicKey;
const id = encodeNodeId(key);

test.each([
  ['relay.example.org', 'wss://relay.example.org:443/'],
  ['relay.example.org:7443', 'wss://relay.example.org:7443/'],
  ['wss://relay.example.org', 'wss://relay.example.org:443/'],
  ['ws://relay.example.org', 'ws://relay.example.org:7443/'],
  ['ws://relay.example.org:80', 'ws://relay.example.org:80/'],
  ['WSS://Relay.Example.Org/path?x=1', 'wss://relay.example.org:443/path?x=1'],
  ['localhost', 'ws://localhost:7443/'],
  ['localhost:9', 'ws://localhost:9/'],
  ['192.0.2.7', 'ws://192.0.2.7:7443/'],
  ['192.0.2.7:443', 'ws://192.0.2.7:443/'],
  ['[2001:db8::1]', 'ws://[2001:db8::1]:7443/'],
  ['[2001:db8::1]:7', 'ws://[2001:db8::1]:7/'],
  ['  ws://[::1]:7/ ', 'ws://[::1]:7/'],
])('%s is %s', (text, href) => {
  const url = parseRelayUrl(text);
  expect(url.href).toBe(href);
  expect(url.isSecure).toBe(href.startsWith('wss'));
  expect(parseRelayUrl(formatRelayUrl(url))).toEqual(url);
});

describe('a pin', () => {
  test('names the key, and is written back', () => {
    const url = parseRelayUrl(`wss://relay.example.org/#${id}`);
    expect(isPinned(url, key)).toBe(true);
    expect(isPinned(url, new Uint8Array(32))).toBe(false);
    expect(formatRelayUrl(url)).toBe(`wss://relay.example.org:443/#${id}`);
  });
  test('may be left out', () => {
    expect(isPinned(parseRelayUrl('ws://relay.example.org/#'), key)).toBe(true);
  });
});

test.each([
  ['', 'empty'],
  ['https://relay.example.org', 'not https'],
  ['ws://', 'cannot be read'],
  ['ws://host:99999', 'cannot be read'],
  ['ws://a b/', 'cannot be read'],
  ['ws://user:pw@host', 'user name'],
  [`ws://host/#${id.slice(0, -1)}q`, 'checksum'],
  ['ws://host/#pin', 'Node ID'],
])('%s is none: %s', (text, why) => {
  expect(() => parseRelayUrl(text)).toThrow(why);
});

test('whatever somebody types is a URL or a PilotError', () => {
  const text = fc.oneof(
    fc.string(),
    fc.webUrl({ validSchemes: ['ws', 'wss', 'http'], withFragments: true }),
  );
  fc.assert(
    fc.property(text, (typed) => {
      try {
        const url = parseRelayUrl(typed);
        expect(parseRelayUrl(formatRelayUrl(url))).toEqual(url);
      } catch (error) {
        expect(error).toBeInstanceOf(PilotError);
      }
    }),
    { numRuns: 500 },
  );
});
