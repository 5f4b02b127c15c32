/**
 * Files of other nodes on this host:
 *
 *     received/report.pdf, received/photos/1.jpg …     whole, verified, on the disk
 *     received/.partial/<peer>-<id>                    on their way; gone a day after they were last written
 *
 * A file gets its name when it is whole, and never takes the place of another one.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, mkdir, open, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';

import type { Clock } from '../../base/clock.ts';
import { freeBytesOnDisk } from '../../relay/free-bytes.ts';
import { PARTIAL_FOLDER, suffixedName } from './file-name.ts';
import { FileRefusal } from './file-refusal.ts';
import { filesBelow, type FoundFile } from './files-below.ts';
import { PartFile } from './part-file.ts';
import { type QuotaLimits, ReceivedQuota, type Usage } from './received-quota.ts';

export interface ReceivedFolderDeps {
  readonly root: string;
  readonly clock: Clock;
  readonly limits: QuotaLimits;
  /** Of the disk that the folder is on; a test has its own. */
  readonly freeBytes?: (folder: string) => Promise<number>;
}

/** Where a file goes: checked names. */
export interface FilePlace {
  readonly folder: readonly string[];
  readonly name: string;
}

export interface Arriving {
  readonly part: PartFile;
  /** Gives it its name; resolves with its path below the received folder when that is on the disk. */
  place(where: FilePlace): Promise<string>;
  /** Leaves what is there for another time, or removes it. Called after `place` or again it does nothing. */
  end(rest: 'keep' | 'remove'): Promise<void>;
}

const PART_LIFE_MS = 86_400_000;
/** Left for everything else on this disk, the node's own database first. */
const MIN_FREE_BYTES = 64 * 2 ** 20;
/** Of one peer, and of all of them, at once: each holds a file open and a chunk in memory. */
const MAX_ARRIVING_OF_PEER = 16;
const MAX_ARRIVING = 128;
const MAX_NAMES = 1000;
const READ_BYTES = 2 ** 20;

interface Active {
  readonly peer: string;
  readonly end: (rest: 'keep' | 'remove') => Promise<void>;
}

export class ReceivedFolder {
  readonly root: string;
  readonly #deps: ReceivedFolderDeps;
  readonly #quota: ReceivedQuota;
  readonly #active = new Map<string, Active>();
  /** Beginnings and ends take turns: each looks at what lies there and changes it. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(deps: ReceivedFolderDeps) {
    this.root = deps.root;
    this.#deps = deps;
    const { clock, limits } = deps;
    this.#quota = new ReceivedQuota({ clock, limits, count: async () => this.#count() });
  }

  get #partial(): string {
    return path.join(this.root, PARTIAL_FOLDER);
  }

  /** A file of so many bytes from a peer; what is there under the same key is gone on with. FileRefusal, system errors. */
  async begin(peer: string, key: string, bytes: number): Promise<Arriving> {
    const name = `${peer.slice(0, 16)}-${key}`;
    return this.#inTurn(async () => {
      await this.#active.get(name)?.end('keep');
      this.#checkCount(peer);
      // The received folder itself may be a link of its owner's, to a larger disk.
      await makeFolder(this.root, stat);
      await makeFolder(this.#partial);
      const file = path.join(this.#partial, name);
      await endNamed(file);
      const lies = await sizeOf(file);
      await this.#checkDisk(bytes - (lies ?? 0));
      await this.#quota.reserve(bytes, lies);
      return this.#arriving({ peer, name, file, bytes, lies });
    });
  }

  /** The path below the received folder, when the very same file lies there already; `read` hears how far it is read. */
  async holding(
    { folder, name }: FilePlace,
    { size, sha256 }: { readonly size: number; readonly sha256: Uint8Array },
    read: (bytes: number) => Promise<void>,
  ): Promise<string | undefined> {
    const file = path.join(this.root, ...folder, name);
    if ((await sizeOf(file)) !== size) return undefined;
    const digest = await digestOf(file, read);
    return digest?.equals(sha256) === true ? [...folder, name].join('/') : undefined;
  }

  files(): AsyncGenerator<FoundFile, void, undefined> {
    return filesBelow(this.root, PARTIAL_FOLDER);
  }

  /** Removes whole files that were last changed before a time, and folders that are empty then. */
  async clear(beforeMs: number): Promise<{ cleared: number; remaining: number; partial: number }> {
    let cleared = 0;
    let remaining = 0;
    for await (const found of this.files()) {
      if (found.modifiedMs >= beforeMs) remaining += 1;
      else if (await removed(path.join(this.root, found.path))) cleared += 1;
    }
    // Not between the making of a folder and the first file in it.
    await this.#inTurn(async () => removeEmptyFolders(this.root, this.#partial));
    const partial = await this.removeParts(beforeMs);
    this.#quota.forget();
    return { cleared, remaining, partial };
  }

  /** Removes parts that were last written before a time; those that are being written stay. */
  async removeParts(beforeMs = this.#deps.clock.now() - PART_LIFE_MS): Promise<number> {
    let count = 0;
    for await (const { path: name, modifiedMs } of filesBelow(this.#partial, '')) {
      if (modifiedMs >= beforeMs) continue;
      // Not while a stream takes it up again.
      const isGone = await this.#inTurn(
        async () => !this.#active.has(name) && removed(path.join(this.#partial, name)),
      ).catch(() => false);
      count += isGone ? 1 : 0;
    }
    if (count > 0) this.#quota.forget();
    return count;
  }

  async #arriving(from: {
    readonly peer: string;
    readonly name: string;
    readonly file: string;
    readonly bytes: number;
    readonly lies: number | undefined;
  }): Promise<Arriving> {
    const { peer, name, file, bytes, lies } = from;
    let part: PartFile;
    try {
      part = await PartFile.open(file);
    } catch (error) {
      this.#quota.settle(bytes, lies);
      throw error;
    }
    let isOver = false;
    const over = (left: number | undefined): boolean => {
      if (isOver) return false;
      isOver = true;
      this.#active.delete(name);
      this.#quota.settle(bytes, left);
      return true;
    };
    const end = async (rest: 'keep' | 'remove'): Promise<void> => {
      const isKept = rest === 'keep' && part.size > 0;
      await part.close();
      if (isOver) return;
      if (!isKept) await unlink(file).catch(() => undefined);
      over(isKept ? part.size : undefined);
    };
    this.#active.set(name, { peer, end });
    return {
      part,
      place: async (where) =>
        this.#inTurn(async () => {
          part.checkOpen();
          const placed = await this.#place(file, where);
          await part.close();
          over(part.size);
          return placed;
        }),
      end,
    };
  }

  async #place(file: string, { folder, name }: FilePlace): Promise<string> {
    let within = this.root;
    for (const one of folder) {
      within = path.join(within, one);
      await makeFolder(within);
    }
    const nowMs = this.#deps.clock.now();
    for (let attempt = 0; attempt < MAX_NAMES; attempt++) {
      const free = attempt === 0 ? name : suffixedName(name, nowMs, attempt - 1);
      if (!(await named(file, path.join(within, free)))) continue;
      await syncFolder(within);
      return [...folder, free].join('/');
    }
    throw new FileRefusal('save_failed', 'every name for it is taken');
  }

  async #checkDisk(bytes: number): Promise<void> {
    const free = await (this.#deps.freeBytes ?? freeBytesOnDisk)(this.root);
    if (free - bytes >= MIN_FREE_BYTES) return;
    throw new FileRefusal('no_space', 'the disk of the receiver has no room for it');
  }

  #checkCount(peer: string): void {
    const ofPeer = [...this.#active.values()].filter((active) => active.peer === peer).length;
    if (ofPeer < MAX_ARRIVING_OF_PEER && this.#active.size < MAX_ARRIVING) return;
    throw new FileRefusal('busy', 'the receiver takes no more files at once');
  }

  async #count(): Promise<Usage> {
    let bytes = 0;
    let files = 0;
    for await (const found of filesBelow(this.root, '')) {
      const name = found.path.slice(PARTIAL_FOLDER.length + 1);
      if (found.path.startsWith(`${PARTIAL_FOLDER}/`) && this.#active.has(name)) continue;
      bytes += found.bytes;
      files += 1;
    }
    return { bytes, files };
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }
}

/** Makes one folder, for its owner alone; a link to one is none: somebody else may say where it leads. */
async function makeFolder(folder: string, look: typeof lstat = lstat): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if ((await look(folder)).isDirectory()) return;
    throw new FileRefusal('save_failed', `${path.basename(folder)} is no folder there`, error);
  }
}

/** Gives a file its name, unless something has that: then false. */
async function named(file: string, name: string): Promise<boolean> {
  try {
    await link(file, name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error;
    // A file system without hard links: an empty file holds the name until the whole one replaces it.
    return replaced(file, name);
  }
  await unlink(file);
  return true;
}

/** A crash may have left a file both of its names: what was written to its part would be written to it. */
async function endNamed(file: string): Promise<void> {
  const found = await lstat(file).catch(() => undefined);
  if (found?.isFile() === true && found.nlink > 1) await unlink(file);
}

async function replaced(file: string, name: string): Promise<boolean> {
  try {
    await (await open(name, 'wx', 0o600)).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  await rename(file, name);
  return true;
}

/** False: it is gone already. */
async function removed(file: string): Promise<boolean> {
  try {
    await unlink(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** A name is on the disk when its folder is. Windows opens no folders. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function sizeOf(file: string): Promise<number | undefined> {
  const found = await lstat(file).catch(() => undefined);
  return found?.isFile() === true ? found.size : undefined;
}

/** Undefined for what cannot be read. */
async function digestOf(
  file: string,
  read: (bytes: number) => Promise<void>,
): Promise<Buffer | undefined> {
  const { O_NOFOLLOW, O_RDONLY } = constants;
  const handle = await open(file, O_RDONLY | ((O_NOFOLLOW as number | undefined) ?? 0)).catch(
    () => undefined,
  );
  if (handle === undefined) return undefined;
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  try {
    for (let at = 0; ;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return hash.digest();
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
      await read(at);
    }
  } finally {
    await handle.close();
  }
}

async function removeEmptyFolders(root: string, except: string): Promise<void> {
  for (const entry of await readdir(root, { withFileTypes: true }).catch(() => [])) {
    const folder = path.join(root, entry.name);
    if (!entry.isDirectory() || folder === except) continue;
    await removeEmptyFolders(folder, except);
    // Not when something is in it.
    await rmdir(folder).catch(() => undefined);
  }
}
