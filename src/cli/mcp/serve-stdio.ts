import { randomBytes } from 'node:crypto';
import { Transform } from 'node:stream';

import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';

import { systemClock } from '../../base/system-clock.ts';
import type { PilotClient } from '../../client/client.ts';
import type { Io } from '../io.ts';
import { CALL_LIMITS } from './call-limits.ts';
import type { FileRoots } from './file-roots.ts';
import { PilotServer } from './pilot-server.ts';

/** A payload of 1 MiB whose every character JSON has to escape, and something around it. */
const MAX_LINE_BYTES = 7 * 1024 * 1024;

export interface ServeStdioSettings {
  readonly client: PilotClient;
  readonly io: Pick<Io, 'stdin' | 'stdout' | 'signal'>;
  readonly allowTrust: boolean;
  readonly fileRoots: FileRoots;
  readonly notice: (line: string) => void;
}

/** Serves until standard input ends or the signal is aborted: then at once, whatever is still running. */
export async function serveStdio(settings: ServeStdioSettings): Promise<void> {
  const { client, io, allowTrust, fileRoots, notice } = settings;
  const { stdin, stdout, signal } = io;
  const server = new PilotServer({
    ...{ client, allowTrust, fileRoots, notice },
    clock: systemClock,
    random: randomBytes,
  });
  // Each answer that waits for room listens for it.
  stdout.setMaxListeners(stdout.getMaxListeners() + CALL_LIMITS.maxCalls);
  const input = stdin.pipe(whileRoomIn(stdout));
  const end = (): void => {
    void server.close();
  };
  for (const event of ['end', 'close', 'error']) stdin.once(event, end);
  signal.addEventListener('abort', end, { once: true });
  try {
    signal.throwIfAborted();
    await server.connect(
      new StdioServerTransport(input, stdout, { maxBufferSize: MAX_LINE_BYTES }),
    );
    await server.ended;
  } finally {
    signal.removeEventListener('abort', end);
    stdin.unpipe(input);
    input.destroy();
  }
  signal.throwIfAborted();
}

/** A client that does not read what it asked for is not asked what else it wants. */
function whileRoomIn(output: Io['stdout']): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const pass = (): void => {
        done(null, chunk);
      };
      if (output.writableNeedDrain) output.once('drain', pass);
      else pass();
    },
  });
}
