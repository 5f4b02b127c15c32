import { createHash } from 'node:crypto';

import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { WireError } from '../../src/base/wire-error.ts';
import {
  decodeFileFrame,
  encodeChunkHead,
  encodeComplete,
  encodeFileAbort,
  encodeFileAck,
  encodeFileDone,
  encodeFileInit,
  encodeInitAck,
} from '../../src/client/file-frame.ts';

const sha256 = createHash('sha256').update('abc').digest();
const id = sha256.subarray(0, 16);
const ID = 'ba7816bf8f01cfea414140de5dae2223';
const REST = 'b00361a396177a9cb410ff61f20015ad';
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const init = { id, size: 3, sha256, chunkBytes: 49_152, name: Buffer.from('a.txt') };

test.each([
  [
    'INIT of an original sender',
    encodeFileInit({ ...init, folder: undefined }),
    `000000070000004401${ID}0000000000000003${ID}${REST}0000c0000005612e747874`,
  ],
  [
    'INIT',
    encodeFileInit({ ...init, folder: Buffer.from('d/e') }),
    `000000070000004901${ID}0000000000000003${ID}${REST}0000c0000005612e7478740003642f65`,
  ],
  [
    'CHUNK',
    Buffer.concat([encodeChunkHead(id, 0, 3), Buffer.from('abc')]),
    `000000070000001c02${ID}0000000000000000616263`,
  ],
  ['ACK', encodeFileAck(id, 3), `000000070000001903${ID}0000000000000003`],
  ['DONE', encodeFileDone(id), `000000070000001104${ID}`],
  ['INIT-ACK', encodeInitAck(id, 1), `000000070000001905${ID}0000000000000001`],
  [
    'INIT-ACK with a hash',
    encodeInitAck(id, 3, sha256),
    `000000070000003905${ID}0000000000000003${ID}${REST}`,
  ],
  ['COMPLETE', encodeComplete(id, 0, 'a.txt'), `000000070000001706${ID}00612e747874`],
  ['ABORT', encodeFileAbort(id, 'no'), `000000070000001307${ID}6e6f`],
])('%s, byte by byte', (_name, bytes, expected) => {
  expect(hex(bytes)).toBe(expected);
});

test('frames are read as they were written', () => {
  const read = (frame: Uint8Array): unknown => decodeFileFrame(frame.subarray(8));
  expect(read(encodeFileInit({ ...init, folder: Buffer.from('d') }))).toMatchObject({
    ...{ kind: 'init', size: 3, chunkBytes: 49_152 },
    folder: Uint8Array.from(Buffer.from('d')),
  });
  expect(read(encodeFileInit({ ...init, folder: undefined }))).toMatchObject({ folder: undefined });
  expect(read(encodeInitAck(id, 1))).toMatchObject({ offset: 1, sha256: undefined });
  expect(read(encodeInitAck(id, 3, sha256))).toMatchObject({ sha256: Uint8Array.from(sha256) });
  expect(read(encodeComplete(id, 1, 'why'))).toMatchObject({ code: 1, text: 'why' });
  expect(read(encodeFileAbort(id, 'why'))).toMatchObject({ kind: 'abort', reason: 'why' });
  expect(decodeFileFrame(Buffer.from(`63${ID}`, 'hex'))).toBeUndefined();
});

test('an id that is not of the file is refused', () => {
  const frame = encodeFileInit({ ...init, id: sha256.subarray(16), folder: undefined });
  expect(() => decodeFileFrame(frame.subarray(8))).toThrow(WireError);
});

test('no bytes do more than a WireError', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 120 }),
      fc.integer({ min: 0, max: 8 }),
      (bytes, kind) => {
        try {
          decodeFileFrame(Uint8Array.of(kind, ...bytes));
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
        }
      },
    ),
  );
});
