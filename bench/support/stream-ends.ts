/** A near end in this process and a far one in another, with streams between them over a line. */
import { randomBytes } from 'node:crypto';

import { toHex } from '../../src/base/bytes.ts';
import type { SessionStream } from '../../src/session/stream.ts';
import { DirectEnd } from './direct-end.ts';
import { type LineQuality, startLine } from './line.ts';
import { type RoleProcess, startRole } from './roles.ts';

/** Sends everything back. */
export const ECHO_PORT = 7;
/** Takes everything and sends one byte after the last. */
export const SINK_PORT = 9;

/** Messages up to this size come back too; larger ones are bulk. */
const MAX_ECHOED_BYTES = 1024;
/** As much as is written at once. */
const PIECE = randomBytes(256 * 1024);

interface Reader {
  readonly accepted?: () => void;
  readonly drained?: () => void;
  readonly bytes?: (bytes: Uint8Array) => void;
  readonly end?: () => void;
}

function listen(stream: SessionStream, reader: Reader): void {
  stream.handlers = {
    accepted: () => reader.accepted?.(),
    drained: () => reader.drained?.(),
    readable: () => {
      for (let next = stream.read(); next !== undefined; next = stream.read()) {
        if (next !== 'end') reader.bytes?.(next);
        else {
          reader.end?.();
          return;
        }
      }
    },
    reset: ({ by, code }) => {
      if (by === 'session' && code === 'local') return;
      throw new Error(`a stream was reset by ${by}: ${code}`);
    },
  };
}

/** The far side: ready with its port; connects when it is told the line's. */
export async function farRole(ownSeed = '', peerSeed = ''): Promise<number> {
  const end = new DirectEnd(ownSeed, peerSeed);
  end.onBytes = (bytes) => {
    if (bytes.length <= MAX_ECHOED_BYTES) void end.send(bytes);
  };
  end.onStream = (stream) => {
    listen(stream, {
      bytes: (bytes) => {
        if (stream.port === ECHO_PORT) stream.write(bytes);
      },
      end: () => {
        if (stream.port === SINK_PORT) stream.write(Uint8Array.of(1));
        stream.finish();
      },
    });
    stream.accept();
  };
  process.on('message', ({ port }: { port: number }) => {
    end.connect(port, 2, 1);
    process.send?.('connected');
  });
  return Promise.resolve(end.localPort);
}

export interface Connection {
  readonly near: DirectEnd;
  stop(): Promise<void>;
}

/** The program must have the roles `far: farRole` and `line: lineRole`. */
export async function connectOverLine(quality: LineQuality, seed: number): Promise<Connection> {
  const [own, peer] = [toHex(randomBytes(32)), toHex(randomBytes(32))] as const;
  const near = new DirectEnd(own, peer);
  const far = await startRole('far', peer, own);
  const line = await startLine(quality, seed, [near.localPort, Number(far.ready)]);
  await connectFar(far, line.ports[1]);
  near.connect(line.ports[0], 1, 2);
  near.session.open();
  await near.opened;
  return {
    near,
    stop: async () => {
      await near.close();
      await Promise.all([far.stop(), line.process.stop()]);
    },
  };
}

async function connectFar(far: RoleProcess, port: number): Promise<void> {
  const connected = far.next();
  far.tell({ port });
  await connected;
}

/** Sends so many bytes, as fast as they are taken; resolves when the last one is there, and known to be. */
export async function sendBulk(near: DirectEnd, total: number): Promise<void> {
  return new Promise((resolve) => {
    const stream = near.session.openStream(SINK_PORT, 0);
    let left = total;
    const write = (): void => {
      const piece = PIECE.subarray(0, Math.min(left, PIECE.length));
      left -= piece.length;
      if (piece.length > 0) stream.write(piece);
      else stream.finish();
    };
    listen(stream, {
      accepted: write,
      drained: write,
      bytes: () => {
        resolve();
      },
    });
  });
}

/** The same as messages of 64 KiB, which only the session's window holds back. */
export async function sendMessages(near: DirectEnd, total: number): Promise<void> {
  const body = PIECE.subarray(0, 64 * 1024);
  for (let sent = 0; sent < total; sent += body.length) await near.send(body);
  await new Promise<void>((resolve) => {
    near.onBytes = () => {
      resolve();
    };
    void near.send(Uint8Array.of(1));
  });
}

/** A stream that sends as fast as it may for as long as the session lives. */
export function startBulk(near: DirectEnd): { readonly sentBytes: () => number } {
  const stream = near.session.openStream(SINK_PORT, 0);
  let written = 0;
  const write = (): void => {
    written += PIECE.length;
    stream.write(PIECE);
  };
  listen(stream, { accepted: write, drained: write });
  return { sentBytes: () => written };
}

/** A stream whose bytes come back to `onBytes`. */
export async function openEcho(
  near: DirectEnd,
  onBytes: (bytes: Uint8Array) => void,
): Promise<SessionStream> {
  return new Promise((resolve) => {
    const stream = near.session.openStream(ECHO_PORT, 0);
    listen(stream, {
      bytes: onBytes,
      accepted: () => {
        resolve(stream);
      },
    });
  });
}
