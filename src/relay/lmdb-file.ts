import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
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
 *     roots             8   at 88 and 136: pages where the trees begin (of free pages, of all else)
 *     last page         8   at 144: the file has that many pages, and one
 *     transaction       8   at 152: the higher one counts
 *
 * Pages at the end that a transaction took and gave back are not written: after a crash the file of a sound
 * database may be short of those.
 */
const MAGIC = 0xbeefc0de;
const MAGIC_AT = 24;
const PAGE_SIZE_AT = 48;
const ROOTS_AT = [88, 136] as const;
const NO_PAGE = 2n ** 64n - 1n;
const LAST_PAGE_AT = 144;
const TRANSACTION_AT = 152;
const HEAD_BYTES = 160;
const MAX_PAGE_SIZE = 65_536;
/** What pages given back in one transaction may come to (60 KiB were seen); far more is a file cut short. */
const MAX_MISSING_BYTES = 2 ** 20;

interface Head {
  readonly pageSize: number;
  readonly roots: readonly bigint[];
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

/**
 * PilotError when the LMDB file in `directory` is damaged at its head or cut short: lmdb maps the file
 * as it is, and ends the process where that fails. An absent or empty file is fine. Pages that are missing at
 * the end of a sound one are put there, so that nothing is mapped that is not in the file.
 */
export function checkLmdbFile(directory: string): void {
  const file = path.join(directory, 'data.mdb');
  if (!existsSync(file)) return;
  const descriptor = openSync(file, 'r+');
  try {
    const { size } = fstatSync(descriptor);
    if (size === 0) return;
    const head = readCurrentHead(descriptor);
    if (head === undefined || !isWhole(head, size)) throw damaged(file);
    if (size < bytesOf(head)) ftruncateSync(descriptor, bytesOf(head));
  } finally {
    closeSync(descriptor);
  }
}

function readCurrentHead(descriptor: number): Head | undefined {
  const first = readHead(descriptor, 0);
  const second = first && readHead(descriptor, first.pageSize);
  if (first === undefined || second === undefined) return undefined;
  return first.transaction > second.transaction ? first : second;
}

function isWhole(head: Head, size: number): boolean {
  if (bytesOf(head) - size > MAX_MISSING_BYTES) return false;
  const pages = BigInt(Math.floor(size / head.pageSize));
  return head.roots.every((root) => root === NO_PAGE || root < pages);
}

function bytesOf({ lastPage, pageSize }: Head): number {
  return (Number(lastPage) + 1) * pageSize;
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
    roots: ROOTS_AT.map((offset) => bytes.getBigUint64(offset, isLittle)),
    lastPage: bytes.getBigUint64(LAST_PAGE_AT, isLittle),
    transaction: bytes.getBigUint64(TRANSACTION_AT, isLittle),
  };
}

function damaged(file: string): PilotError {
  return new PilotError('internal', `the database ${file} is damaged`, {
    hint: 'Put a copy in its place, or move it away to begin with an empty one: what waited in it is lost then.',
  });
}
