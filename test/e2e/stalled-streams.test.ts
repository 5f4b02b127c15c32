import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import type { PilotStream } from '../../src/client/pilot-stream.ts';
import { readPidFile } from '../../src/home/pid-file.ts';
import { MAX_WINDOWS_BYTES } from '../../src/session/stream-windows.ts';
import { eventually } from '../support/processes.ts';
import { Sandbox, type SandboxNode } from '../support/sandbox.ts';
import { startTwoNodes } from '../support/two-nodes.ts';

/**
 * The promise is about 1,000, as many as there may be (`npm run stalled-streams`). Below 100 there would not be room on
 * the way to the program for more than a peer has credit for, which is what has to have come.
 */
const STREAMS = Number(process.env['PILOT_STALLED_STREAMS'] ?? 200);
const DIALS_AT_ONCE = 50;
/**
 * What a stream may cost its daemon beside the window: 64 KiB that wait for the program that does not read, as much on
 * the way to its socket, and the objects of both.
 */
const STREAM_BYTES = 192 * 1024;
/** Code that is compiled on the way, and garbage that nobody has collected yet. */
const SLACK_BYTES = 48 * 2 ** 20;
const STEADY_LOOKS = 20;

/** The most that its daemon had in memory so far. */
function peakBytes(node: SandboxNode): number {
  const { pid } = readPidFile(node.paths.pidFile) ?? {};
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}

test.skipIf(process.platform !== 'linux')(
  `${STREAMS} streams of a peer that nobody reads: what the daemon holds is bounded, and it goes on`,
  async () => {
    await Sandbox.run(async (sandbox) => {
      const { alice, bob } = await startTwoNodes(sandbox);
      const [client, server] = [alice.client(), bob.client()];
      const target = await bob.nodeId();
      const listener = await server.listen(4000);
      const theirs: PilotStream[] = [];
      const taking = (async () => {
        for await (const stream of listener) theirs.push(stream);
      })().catch(() => undefined);
      const before = peakBytes(bob);

      const ours: PilotStream[] = [];
      const piece = Buffer.alloc(64 * 1024);
      const pour = (stream: PilotStream): void => {
        while (stream.write(piece));
        stream.once('drain', () => {
          pour(stream);
        });
      };
      while (ours.length < STREAMS) {
        const length = Math.min(DIALS_AT_ONCE, STREAMS - ours.length);
        const some = Array.from({ length }, async () => client.dial(target, 4000));
        ours.push(...(await Promise.all(some)));
      }
      for (const stream of ours) pour(stream);
      await steady(alice);
      const grown = peakBytes(bob) - before;
      expect(grown).toBeLessThan(MAX_WINDOWS_BYTES + STREAMS * STREAM_BYTES + SLACK_BYTES);

      // It has time for others meanwhile: messages have room of their own.
      await client.send(target, 'still there?');
      await eventually('the message is there', async () => {
        const { messages } = await server.inbox();
        return messages.length > 0 || undefined;
      });
      for (const stream of [...ours, ...theirs]) stream.destroy();
      await eventually('they are gone', async () => {
        const { conn_list: list } = await server.info();
        return list.length === 0 || undefined;
      });
      listener.close();
      await taking;
      client.close();
      server.close();
    });
  },
  240_000,
);

/** More than a peer has credit for has come, and then its daemon took nothing more of its program for a while. */
async function steady(sender: SandboxNode): Promise<void> {
  const client = sender.client();
  let [last, looks] = [0, 0];
  try {
    await eventually(
      'nothing more goes',
      async () => {
        const { conn_list: list } = await client.info();
        const bytes = list.reduce((sum, { bytes_sent: sent }) => sum + sent, 0);
        looks = bytes === last && bytes > MAX_WINDOWS_BYTES ? looks + 1 : 0;
        last = bytes;
        return looks >= STEADY_LOOKS || undefined;
      },
      120_000,
    );
  } finally {
    client.close();
  }
}
