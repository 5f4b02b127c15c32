/** One stream of the data exchange: frame after frame, each answered before the next is read. */
import { ByteReader } from '../../base/byte-reader.ts';
import type { Clock } from '../../base/clock.ts';
import { WireError } from '../../base/wire-error.ts';
import { ExactReader } from '../../client/exact-reader.ts';
import { EXCHANGE_HEAD_BYTES, EXCHANGE_TYPE, exchangeFrame } from '../../client/exchange-frame.ts';
import { decodeFileFrame, FILE_ID_BYTES, MAX_FILE_FRAME_BYTES } from '../../client/file-frame.ts';
import { FileReceiver, type FileReceiverDeps } from '../files/file-receiver.ts';
import type { ReceivedFolder } from '../files/received-folder.ts';
import { receiveWholeFile } from '../files/whole-file.ts';
import type { Log } from '../log/log.ts';
import type { PeerStream } from '../streams/stream-duplex.ts';
import { decodeTagged, type ExchangeMessage, messageTypeOf } from './data-exchange-message.ts';
import type { ExchangeInbox } from './exchange-inbox.ts';

/** Of any frame: what original clients send at most (pilotctl interface 2.9). */
const MAX_FRAME_BYTES = 64 * 2 ** 20;
/** Around a message: the header of TAGGED and that of TRACE. */
const MAX_WRAPPING_BYTES = 2048;
const TYPE_NAMES: Readonly<Record<number, string>> = {
  [EXCHANGE_TYPE.text]: 'TEXT',
  [EXCHANGE_TYPE.binary]: 'BINARY',
  [EXCHANGE_TYPE.json]: 'JSON',
  [EXCHANGE_TYPE.file]: 'FILE',
  [EXCHANGE_TYPE.trace]: 'TRACE',
  [EXCHANGE_TYPE.tagged]: 'TAGGED',
};

export interface DataExchangeStreamDeps {
  readonly folder: ReceivedFolder;
  readonly inbox: Pick<ExchangeInbox, 'accept'>;
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly files: Pick<FileReceiverDeps, 'progress' | 'received' | 'failed'>;
}

export class DataExchangeStream {
  readonly #deps: DataExchangeStreamDeps;
  readonly #stream: PeerStream;
  readonly #reader: ExactReader;
  readonly #files: FileReceiver;

  constructor(deps: DataExchangeStreamDeps, stream: PeerStream) {
    this.#deps = deps;
    this.#stream = stream;
    this.#reader = new ExactReader(stream);
    const { folder, clock, log } = deps;
    this.#files = new FileReceiver({
      ...{ folder, clock, log, ...deps.files },
      peer: stream.peer,
      send: async (frame) => this.#send(frame),
      checkOpen: () => {
        if (stream.destroyed) throw new WireError('the stream is over');
      },
    });
  }

  /** Resolves when the peer has finished. WireError, or the stream's error. */
  async run(): Promise<void> {
    try {
      for (;;) {
        const head = await this.#reader.exactly(EXCHANGE_HEAD_BYTES);
        if (head === undefined) return;
        const length = head.readUInt32BE(4);
        if (length > MAX_FRAME_BYTES) throw new WireError(`a frame of ${length} bytes`);
        await this.#take(head.readUInt32BE(0), length);
      }
    } finally {
      await this.#files.end();
    }
  }

  async #take(type: number, length: number): Promise<void> {
    if (type === EXCHANGE_TYPE.fileStream) return this.#takeFileFrame(length);
    if (type === EXCHANGE_TYPE.file) {
      const { folder, files } = this.#deps;
      const from = { folder, peer: this.#stream.peer, reader: this.#reader, length, files };
      return this.#answer(await receiveWholeFile(from));
    }
    if (!Object.hasOwn(TYPE_NAMES, type)) {
      await this.#reader.skip(length);
      return this.#answer(`ERR UNKNOWN(${type}) not supported`);
    }
    if (length > this.#deps.maxMessageBytes + MAX_WRAPPING_BYTES) {
      await this.#reader.skip(length);
      return this.#answer(`ERR ${nameOf(type)} save failed: ${this.#tooLarge()}`);
    }
    const payload = await this.#whole(length);
    await this.#answer(
      await (type === EXCHANGE_TYPE.trace ? this.#trace(payload) : this.#store(type, payload)),
    );
  }

  async #takeFileFrame(length: number): Promise<void> {
    if (length < 1 + FILE_ID_BYTES || length > MAX_FILE_FRAME_BYTES) {
      throw new WireError(`a FILESTREAM frame of ${length} bytes`);
    }
    const frame = decodeFileFrame(await this.#whole(length));
    if (frame !== undefined) await this.#files.receive(frame);
  }

  /** The text that answers it. */
  async #store(type: number, payload: Uint8Array): Promise<string> {
    try {
      const message = readMessage(type, payload);
      if (message === undefined) return `ERR ${nameOf(type)} not supported`;
      const name = message.type.toUpperCase();
      if (message.payload.length > this.#deps.maxMessageBytes) {
        return `ERR ${name} save failed: ${this.#tooLarge()}`;
      }
      const accepted = await this.#deps.inbox.accept(this.#stream.peer, message);
      const done = `ACK ${name} ${message.payload.length} bytes`;
      if (accepted === 'stored') return done;
      if (accepted === 'duplicate') return `${done} (duplicate)`;
      return `ERR ${name} save failed: ${accepted === 'inbox_full' ? 'inbox full' : 'disk error'}`;
    } catch (error) {
      // Frames have lengths: what is inside of one cannot spoil the next.
      if (error instanceof WireError) return `ERR ${nameOf(type)} save failed: ${error.message}`;
      throw error;
    }
  }

  /** A message that wants to know when it was where: inner type 4, time of sending 8 (ns), inner payload. */
  async #trace(bytes: Uint8Array): Promise<string> {
    const reader = new ByteReader(bytes);
    if (reader.remaining < 12) return 'ERR TRACE save failed: too short';
    const receivedNs = this.#nowNs();
    const type = reader.u32();
    // Of 64 bits, more than a number holds.
    const sentNs = (BigInt(reader.u32()) << 32n) | BigInt(reader.u32());
    const inner =
      type === EXCHANGE_TYPE.trace
        ? 'ERR TRACE not supported'
        : await this.#store(type, reader.rest());
    const writtenNs = this.#nowNs();
    return (
      `{"sent_at_ns":${sentNs},"received_at_ns":${receivedNs},"inbox_written_at_ns":${writtenNs},` +
      `"ack_sent_at_ns":${this.#nowNs()},"inner_ack":${JSON.stringify(inner)}}`
    );
  }

  #nowNs(): bigint {
    return BigInt(this.#deps.clock.now()) * 1_000_000n;
  }

  #tooLarge(): string {
    return `larger than ${this.#deps.maxMessageBytes} bytes`;
  }

  async #whole(length: number): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0);
    const payload = await this.#reader.exactly(length);
    if (payload === undefined) throw new WireError('the stream ended inside a frame');
    return payload;
  }

  async #answer(text: string): Promise<void> {
    await this.#send(exchangeFrame(EXCHANGE_TYPE.text, Buffer.from(text)));
  }

  /** Waits while the peer does not read. */
  async #send(frame: Uint8Array): Promise<void> {
    const stream = this.#stream;
    if (stream.destroyed || stream.write(frame)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stream.off('drain', done).off('close', done);
        resolve();
      };
      stream.once('drain', done).once('close', done);
    });
  }
}

function readMessage(type: number, payload: Uint8Array): ExchangeMessage | undefined {
  const tagged =
    type === EXCHANGE_TYPE.tagged
      ? decodeTagged(payload)
      : { type, payload, id: undefined, replyTo: '' };
  const messageType = messageTypeOf(tagged.type);
  if (messageType === undefined) return undefined;
  const { id, replyTo } = tagged;
  // A copy: what the stream handed over may be part of more.
  return { type: messageType, payload: Uint8Array.from(tagged.payload), id, replyTo };
}

function nameOf(type: number): string {
  return TYPE_NAMES[type] ?? `UNKNOWN(${type})`;
}
