import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

import { onTestFinished } from 'vitest';

const UPGRADE = 'connection: upgrade\r\nupgrade: pilot-calls\r\n';

/** The call stream by hand: writes anything, and gives the daemon's lines as they come. */
export class CallClient {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  readonly #lines: AsyncIterator<string>;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    this.#lines = createInterface(socket)[Symbol.asyncIterator]();
  }

  static async open(socketPath: string): Promise<CallClient> {
    const socket = await raw(socketPath, `GET /v1/calls HTTP/1.1\r\nhost: x\r\n${UPGRADE}\r\n`);
    const client = new CallClient(socket);
    for (let line = await client.line(); line !== ''; line = await client.line());
    return client;
  }

  /** Text as it is, anything else as a line of JSON. */
  write(...lines: readonly unknown[]): void {
    for (const line of lines) {
      const isRaw = typeof line === 'string' || line instanceof Uint8Array;
      this.socket.write(isRaw ? line : `${JSON.stringify(line)}\n`);
    }
  }

  async line(): Promise<string | undefined> {
    const next = await this.#lines.next();
    return next.done === true ? undefined : next.value;
  }

  /** The next answer; undefined when the daemon has ended the stream. */
  async answer(): Promise<unknown> {
    const line = await this.line();
    return line === undefined ? undefined : (JSON.parse(line) as unknown);
  }

  async answers(count: number): Promise<unknown[]> {
    const answers: unknown[] = [];
    while (answers.length < count) answers.push(await this.answer());
    return answers;
  }
}

/** A connection that `head` was written to; cut when the test is over. */
export async function raw(socketPath: string, head: string): Promise<Socket> {
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  socket.on('error', () => undefined);
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, 'connect');
  socket.write(head);
  return socket;
}
