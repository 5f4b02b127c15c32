import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { fromHex, toHex } from '../../../src/base/bytes.ts';
import { formatIpAddress } from '../../../src/base/ip-text.ts';
import { WireError } from '../../../src/base/wire-error.ts';
import { decodeAppMessage, encodeAppMessage } from '../../../src/daemon/messages/app-message.ts';
import { MAX_ITEM_CANDIDATES, type PathItem } from '../../../src/daemon/paths/path-message.ts';
import { type Candidate, foundationOf, priorityOf } from '../../../src/ice/candidate.ts';
import type { PunchMessage } from '../../../src/ice/hard-nat-message.ts';
import type { NatSummary } from '../../../src/ice/nat-summary.ts';

interface Vector {
  readonly name: string;
  readonly hex: string;
}
interface ItemVector extends Vector {
  readonly item: PathItem;
}

const vectors = JSON.parse(
  readFileSync(new URL('../../vectors/path-items.json', import.meta.url), 'utf8'),
) as Record<'items' | 'readOnly', ItemVector[]> & Record<'skipped' | 'malformed', Vector[]>;

const attempt = '0011223344556677';
const candidate: Candidate = {
  kind: 'host',
  endpoint: { host: '192.0.2.1', port: 5000 },
  priority: priorityOf('host', 65_535),
  foundation: foundationOf('host', '192.0.2.1'),
};

function candidatesItem(candidates: readonly Candidate[]): PathItem {
  return { kind: 'path', attempt, step: 'candidates', candidates, isLast: false };
}

const NO_NAT: NatSummary = {
  ...{ mapping: 'unknown', behindNat: undefined, outer: undefined, portStep: undefined },
};

describe('the vectors', () => {
  test.each(vectors.items)('$name is written', ({ item, hex }) => {
    expect(toHex(encodeAppMessage(item))).toBe(hex);
  });

  test.each([...vectors.items, ...vectors.readOnly])('$name: read', ({ item, hex }) => {
    expect(decodeAppMessage(fromHex(hex))).toEqual(item);
  });

  test.each(vectors.skipped)('$name is skipped', ({ hex }) => {
    expect(decodeAppMessage(fromHex(hex))).toBeUndefined();
  });

  test.each(vectors.malformed)('$name is malformed', ({ hex }) => {
    expect(() => decodeAppMessage(fromHex(hex))).toThrow(WireError);
  });
});

describe('what is written', () => {
  test('tells nothing of the local socket, and no zone', () => {
    const endpoint = { host: 'fe80::1%eth0', port: 5000 };
    const bytes = encodeAppMessage(candidatesItem([{ ...candidate, endpoint, base: 'v6' }]));
    const plain = { ...candidate, endpoint: { host: 'fe80::1', port: 5000 } };
    expect(decodeAppMessage(bytes)).toEqual(candidatesItem([plain]));
  });

  test('is no summary that a peer would not believe', () => {
    const nat: NatSummary = { ...NO_NAT, outer: { host: '0.0.0.0', port: 1 } };
    const item = {
      kind: 'path',
      attempt,
      step: 'candidates',
      candidates: [],
      isLast: true,
    } as const;
    expect(() => encodeAppMessage({ ...item, nat })).toThrow(RangeError);
  });

  test('has the first 64 characters of a long reason', () => {
    const end = { kind: 'path', attempt, step: 'end' } as const;
    const bytes = encodeAppMessage({ ...end, reason: 'r'.repeat(65) });
    expect(decodeAppMessage(bytes)).toEqual({ ...end, reason: 'r'.repeat(64) });
  });

  test.each<[string, Candidate[]]>([
    ['a peer-reflexive candidate', [{ ...candidate, kind: 'prflx' }]],
    ['a name', [{ ...candidate, endpoint: { host: 'relay.example.org', port: 5000 } }]],
    ['too many', Array.from({ length: MAX_ITEM_CANDIDATES + 1 }, () => candidate)],
  ])('is not %s', (_what, candidates) => {
    expect(() => encodeAppMessage(candidatesItem(candidates))).toThrow(RangeError);
  });
});

const addresses = (length: 4 | 16): fc.Arbitrary<string> =>
  fc
    .uint8Array({ minLength: length, maxLength: length })
    .map((bytes) => formatIpAddress(bytes) ?? '');
const attempts = fc.uint8Array({ minLength: 8, maxLength: 8 }).map(toHex);
const terms = {
  kind: fc.constant('path' as const),
  attempt: attempts,
  credentials: fc.record({
    ufrag: fc.stringMatching(/^[A-Za-z0-9+/]{4,256}$/),
    password: fc.stringMatching(/^[A-Za-z0-9+/]{22,256}$/),
  }),
  streamId: fc.integer({ min: 1, max: 0xffff_ffff }),
};
const candidates = fc.record({
  kind: fc.constantFrom('host' as const, 'srflx' as const),
  endpoint: fc.record({
    host: fc.oneof(addresses(4), addresses(16)),
    port: fc.integer({ min: 0, max: 0xffff }),
  }),
  priority: fc.integer({ min: 0, max: 0xffff_ffff }),
  foundation: fc.stringMatching(/^[A-Za-z0-9+/]{1,32}$/),
});
const unknownOr = <T>(known: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(known, { nil: undefined });
const ports = fc.integer({ min: 1, max: 0xffff });
const outers = fc.record({ host: fc.constantFrom('203.0.113.7', '10.0.0.1'), port: ports });
const behindNat = unknownOr(fc.boolean());
const nats: fc.Arbitrary<NatSummary> = fc.oneof(
  fc.record({
    mapping: fc.constantFrom('endpoint-independent' as const, 'unknown' as const),
    behindNat,
    outer: unknownOr(outers),
    portStep: fc.constant(undefined),
  }),
  fc.record({
    mapping: fc.constant('dependent' as const),
    behindNat,
    outer: unknownOr(outers),
    portStep: unknownOr(
      fc.record({
        step: fc.integer({ min: -32, max: 32 }).filter((step) => step !== 0),
        lastPort: ports,
      }),
    ),
  }),
);
const round = fc.integer({ min: 1, max: 4 });
const punchMessages: fc.Arbitrary<PunchMessage> = fc.oneof(
  fc.record({ step: fc.constantFrom('ask' as const, 'go' as const), round, nat: nats }),
  fc.record({ step: fc.constant('opened' as const), round }),
  fc.record({
    step: fc.constant('refuse' as const),
    round,
    reason: fc.constantFrom('busy' as const, 'hopeless' as const),
  }),
);
const items: fc.Arbitrary<PathItem> = fc.oneof(
  fc.record(
    { ...terms, step: fc.constantFrom('offer' as const, 'answer' as const), nat: nats },
    { requiredKeys: ['kind', 'attempt', 'credentials', 'step'] },
  ),
  fc.record({
    kind: terms.kind,
    attempt: attempts,
    step: fc.constant('channel' as const),
    fingerprint: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex),
  }),
  fc.record(
    {
      kind: terms.kind,
      attempt: attempts,
      step: fc.constant('candidates' as const),
      candidates: fc.array(candidates, { maxLength: MAX_ITEM_CANDIDATES }),
      isLast: fc.boolean(),
      nat: nats,
    },
    { requiredKeys: ['kind', 'attempt', 'step', 'candidates', 'isLast'] },
  ),
  fc.record({
    kind: terms.kind,
    attempt: attempts,
    step: fc.constant('punch' as const),
    message: punchMessages,
  }),
  fc.record({
    kind: terms.kind,
    attempt: attempts,
    step: fc.constant('end' as const),
    reason: fc.string({ maxLength: 64 }),
  }),
);

test('what is written is what is read', () => {
  fc.assert(
    fc.property(items, (item) => {
      expect(decodeAppMessage(encodeAppMessage(item))).toEqual(item);
    }),
  );
});

test('an item with bytes changed or missing is read, skipped or malformed', () => {
  fc.assert(
    fc.property(items, fc.nat(), fc.nat(255), fc.nat(), (item, at, byte, cut) => {
      const bytes = encodeAppMessage(item).slice();
      bytes[at % bytes.length] = byte;
      for (const damaged of [bytes, bytes.subarray(0, cut % bytes.length)]) {
        try {
          decodeAppMessage(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }
    }),
    { numRuns: 500 },
  );
});
