import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';

import { PilotError } from '../base/pilot-error.ts';

/**
 * The head of `data.mdb`: two pages, each with what an open needs, written in turn.
 *
 *     page header      24
 *     magic             4   BEEFC0DE, in the host's order
 *     …
 *     page size         4   at 48
 *     …
 *     last page         8   at 144: the file has at least that many pages, and one
 *     transaction       8   at 152: the higher one counts
 */
const MAGIC = 0xbeefc0de;
const MAGIC_AT = 24;
const PAGE_SIZE_AT = 48;
const LAST_PAGE_AT = 144;
const TRANSACTION_AT = 152;
const HEAD_BYTES = 160;
const MAX_PAGE_SIZE = 65_536;

interface Head {
  readonly pageSize: number;
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

/**
 * PilotError when the LMDB file in `directory` is damaged at its head or cut short: lmdb maps the file
 * as it is, and ends the process where that fails. An absent or empty file is fine.
 */
export function checkLmdbFile(directory: string): void {
  const file = path.join(directory, 'data.mdb');
  if (!existsSync(file)) return;
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    if (size > 0 && !isSound(descriptor, size)) throw damaged(file);
  } finally {
    closeSync(descriptor);
  }
}

function isSound(descriptor: number, size: number): boolean {
  const first = readHead(descriptor, 0);
  if (first === undefined) return false;
  const second = readHead(descriptor, first.pageSize);
  if (second === undefined) return false;
  const { lastPage } = first.transaction > second.transaction ? first : second;
  return BigInt(size) >= (lastPage + 1n) * BigInt(first.pageSize);
}

function readHead(descriptor: number, at: number): Head | undefined {
  const bytes = new DataView(new ArrayBuffer(HEAD_BYTES));
  if (readSync(descriptor, bytes, 0, HEAD_BYTES, at) < HEAD_BYTES) return undefined;
  const isLittle = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  const pageSize = bytes.getUint32(PAGE_SIZE_AT, isLittle);
  if (bytes.getUint32(MAGIC_AT, isLittle) !== MAGIC) return undefined;
  if (pageSize === 0 || pageSize > MAX_PAGE_SIZE) return undefined;
  return {
    pageSize,
    lastPage: bytes.getBigUint64(LAST_PAGE_AT, isLittle),
    transaction: bytes.getBigUint64(TRANSACTION_AT, isLittle),
  };
}

function damaged(file: string): PilotError {
  return new PilotError('internal', `the database ${file} is damaged`, {
    hint: 'Put a copy in its place, or move it away to begin with an empty one: what waited in it is lost then.',
  });
}
