/**
 * The inbox as files, for agents that read the folder of the original pilotctl (pilotctl interface 2.9).
 *
 *     message ──> file ──> noted in `.mirrored`: after a restart the next ones follow
 *
 * Files are the reader's: who deletes them makes room, and they do not come again. When as many are there as
 * may be, messages wait in the daemon's own inbox. That would fill up with what these agents have long read, so
 * the older half of it goes when it is nearly full; a message without a file stays.
 */
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

import { type Cancel, type Clock, every } from '../../base/clock.ts';
import type { IncomingMessage } from '../../client/api.ts';
import type { Log } from '../log/log.ts';
import type { NodeApi } from '../node/node-api.ts';
import { inboxFileName, inboxFileText, messageIdIn, plainId, putFile } from './inbox-file.ts';

/** Pilotctl interface 2.9. */
const MAX_FILES = 10_000;
const MAX_BYTES = 256 * 1024 * 1024;
/** Messages in memory on their way to a file; later ones are read from the inbox. */
const MAX_WAITING = 256;
const RETRY_MS = 5000;
/** How full the daemon's own inbox may be. */
const NEARLY_FULL = 0.8;
const PROGRESS_FILE = '.mirrored';

export interface InboxMirrorDeps {
  readonly node: Pick<NodeApi, 'events' | 'inbox' | 'readInbox' | 'clearInbox' | 'counters'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly folder: string;
  readonly maxInboxMessages: number;
  readonly maxInboxBytes: number;
  readonly maxFiles?: number;
}

/** The last message that has, or had, its file. */
interface Progress {
  readonly id: string;
  readonly received_at: string;
}

export class InboxMirror {
  readonly #deps: InboxMirrorDeps;
  #cancels: Cancel[] = [];
  #waiting: IncomingMessage[] = [];
  /** There are messages in the inbox that are neither mirrored nor waiting here. */
  #isBehind = true;
  #working: Promise<void> | undefined;
  #isTold = false;
  #isStopped = false;
  #progress: Progress | undefined;
  #files = 0;
  #bytes = 0;
  /** Of the last file: the next one of that millisecond is not looked for from the start. */
  #last = { receivedAt: '', index: 0 };

  constructor(deps: InboxMirrorDeps) {
    this.#deps = deps;
  }

  start(): void {
    const { clock, node } = this.#deps;
    this.#cancels = [
      node.events.on('message.received', (message) => {
        // Behind it stays until there is room: a full folder is not listed for every message.
        this.#isBehind ||= this.#waiting.length >= MAX_WAITING;
        if (this.#isBehind) return;
        this.#waiting.push(message);
        this.#work();
      }),
      every(clock, RETRY_MS, () => {
        if (this.#isBehind) this.#work();
      }),
    ];
    this.#work();
  }

  /** What waits is found in the inbox at the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const cancel of this.#cancels) cancel();
    this.#cancels = [];
    this.#waiting = [];
    await this.#working;
  }

  /** One at a time; what comes meanwhile is done before it ends. */
  #work(): void {
    this.#working ??= this.#mirror().finally(() => {
      this.#working = undefined;
      // What came after the last look at it.
      if (this.#waiting.length > 0) this.#work();
    });
  }

  async #mirror(): Promise<void> {
    try {
      await this.#prepare();
      await this.#writeWaiting();
      while (this.#isBehind && (await this.#catchUp())) await this.#writeWaiting();
      await this.#relieveInbox();
    } catch (err) {
      this.#waiting = [];
      this.#isBehind = true;
      this.#tell({ err }, 'a message could not be put into a file; it stays in the inbox');
    }
  }

  async #writeWaiting(): Promise<void> {
    let isChanged = false;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (this.#isStopped || !(await this.#write(next))) {
        this.#waiting = [];
        this.#isBehind = true;
        break;
      }
      isChanged = true;
    }
    if (isChanged) await this.#saveProgress();
  }

  /** Takes some of those that have no file yet out of the inbox, oldest first. False: it is no use now. */
  async #catchUp(): Promise<boolean> {
    if (this.#isFull() && (await this.#count(), this.#isFull())) {
      const isLarge = this.#bytes >= MAX_BYTES;
      const fields = { files: this.#files, ...(isLarge && { bytes: this.#bytes }) };
      this.#tell(fields, 'the inbox folder is full');
      return false;
    }
    const missing = this.#missing();
    this.#isBehind = missing.length > MAX_WAITING;
    const found: IncomingMessage[] = [];
    for (const { id } of missing.slice(-MAX_WAITING).reverse()) {
      if (this.#isStopped) return false;
      try {
        found.push(await this.#deps.node.readInbox(id, { peek: true }));
      } catch {
        // It was cleared meanwhile.
      }
    }
    // Before any that came while these were read.
    this.#waiting.unshift(...found);
    return true;
  }

  /** Newest first. */
  #missing(): readonly IncomingMessage[] {
    const { messages } = this.#deps.node.inbox({ limit: Number.MAX_SAFE_INTEGER });
    const progress = this.#progress;
    if (progress === undefined) return messages;
    const last = messages.findIndex(({ id }) => id === progress.id);
    // Cleared meanwhile: then only the clock tells, and it may have been set.
    const isMissing = ({ received_at }: IncomingMessage): boolean =>
      received_at > progress.received_at;
    return last === -1 ? messages.filter(isMissing) : messages.slice(0, last);
  }

  /** False: there is no room. */
  async #write(message: IncomingMessage): Promise<boolean> {
    if (this.#isFull()) await this.#count();
    if (this.#isFull()) return false;
    const { folder } = this.#deps;
    const text = inboxFileText(message);
    const isSameTime = message.received_at === this.#last.receivedAt;
    for (let index = isSameTime ? this.#last.index : 0; ; index++) {
      const file = path.join(folder, inboxFileName(message, index));
      const present = await messageIdIn(file);
      if (present !== undefined && present !== plainId(message.id)) continue;
      if (present === undefined) {
        await putFile(file, text);
        this.#files += 1;
        this.#bytes += Buffer.byteLength(text);
      }
      this.#last = { receivedAt: message.received_at, index };
      this.#progress = { id: message.id, received_at: message.received_at };
      this.#isTold = false;
      return true;
    }
  }

  #isFull(): boolean {
    return this.#files >= this.#maxFiles || this.#bytes >= MAX_BYTES;
  }

  get #maxFiles(): number {
    return this.#deps.maxFiles ?? MAX_FILES;
  }

  async #prepare(): Promise<void> {
    // Its reader may have removed it, with all that was in it.
    await mkdir(this.#deps.folder, { recursive: true, mode: 0o700 });
    if (this.#progress !== undefined) return;
    this.#progress = await readProgress(this.#progressFile);
    await this.#count();
  }

  async #count(): Promise<void> {
    const { folder } = this.#deps;
    const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
    this.#files = names.length;
    // As full as it was: thousands of sizes are of no interest.
    if (this.#files >= this.#maxFiles) return;
    let bytes = 0;
    for (const name of names) bytes += await sizeOf(path.join(folder, name));
    this.#bytes = bytes;
  }

  async #saveProgress(): Promise<void> {
    await putFile(this.#progressFile, JSON.stringify(this.#progress));
  }

  get #progressFile(): string {
    return path.join(this.#deps.folder, PROGRESS_FILE);
  }

  async #relieveInbox(): Promise<void> {
    const { maxInboxBytes, maxInboxMessages, node } = this.#deps;
    const { inboxBytes, inboxMessages } = node.counters();
    const fill = Math.max(inboxMessages / maxInboxMessages, inboxBytes / maxInboxBytes);
    if (fill < NEARLY_FULL || this.#progress === undefined) return;
    const { messages } = node.inbox({ limit: Number.MAX_SAFE_INTEGER });
    const middle = messages[Math.floor(messages.length / 2)]?.received_at ?? '';
    const { received_at: mirrored } = this.#progress;
    await node.clearInbox({ before: middle < mirrored ? middle : mirrored });
  }

  /** Once, until it works again. */
  #tell(fields: object, message: string): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#deps.log.warn({ ...fields, folder: this.#deps.folder }, message);
  }
}

async function readProgress(file: string): Promise<Progress | undefined> {
  try {
    const { id, received_at } = JSON.parse(await readFile(file, 'utf8')) as Partial<Progress>;
    return id === undefined || received_at === undefined ? undefined : { id, received_at };
  } catch {
    // None yet, or none of ours: files that are there are found by their names.
    return undefined;
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch {
    return 0; // deleted meanwhile
  }
}
