import { describe, expect, test } from 'vitest';

import { type Endpoint, parseEndpoint } from '../../src/base/endpoint.ts';
import { PilotError } from '../../src/base/pilot-error.ts';
import { pairStunPlaces } from '../../src/relay/stun-places.ts';

const read = (texts: readonly string[]): Endpoint[] =>
  texts.map((text) => parseEndpoint(text) ?? { host: text, port: -1 });

describe('goes together', () => {
  test.each([
    [[], []],
    [[':3478'], [[':3478']]],
    [['stun.example:3478'], [['stun.example:3478']]],
    [
      ['192.0.2.1:3478', '[::]:3478'],
      [['192.0.2.1:3478'], ['[::]:3478']],
    ],
    [['192.0.2.1:3478', '192.0.2.2:3479'], [['192.0.2.1:3478', '192.0.2.2:3479']]],
    [['127.0.0.1:0', '127.0.0.2:0'], [['127.0.0.1:0', '127.0.0.2:0']]],
    [
      ['[2001:db8::1]:1', '192.0.2.1:1', '[2001:db8::2]:2', '192.0.2.2:2'],
      [
        ['192.0.2.1:1', '192.0.2.2:2'],
        ['[2001:db8::1]:1', '[2001:db8::2]:2'],
      ],
    ],
  ])('%j', (texts, places) => {
    expect(pairStunPlaces(read(texts))).toEqual(places.map(read));
  });
});

describe('does not', () => {
  test.each([
    ['three of a family', ['192.0.2.1:1', '192.0.2.2:2', '192.0.2.3:3']],
    ['one address', ['192.0.2.1:1', '192.0.2.1:2']],
    ['one address written in two ways', ['[2001:db8::1]:1', '[2001:db8:0::1]:2']],
    ['one port', ['192.0.2.1:3478', '192.0.2.2:3478']],
    ['every address', ['0.0.0.0:1', '192.0.2.2:2']],
    ['every IPv6 address', [':1', '[2001:db8::2]:2']],
    ['a name', ['stun.example:1', '192.0.2.2:2']],
  ])('%s', (_, texts) => {
    let thrown: unknown;
    try {
      pairStunPlaces(read(texts));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(PilotError);
    expect(thrown).toMatchObject({
      code: 'invalid_argument',
      hint: expect.stringContaining('--stun 192.0.2.1:3478') as unknown,
    });
  });
});
