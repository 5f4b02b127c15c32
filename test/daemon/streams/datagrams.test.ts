import { expect, test } from 'vitest';

import type { Peer } from '../../../src/daemon/peers/peer.ts';
import { Datagrams } from '../../../src/daemon/streams/datagrams.ts';

const [SILENT, BOB] = ['aa'.repeat(32), 'bb'.repeat(32)];

test('a peer that does not answer takes no room from those that do', async () => {
  const sent: Uint8Array[] = [];
  const silent = new Promise<void>(() => undefined);
  const datagrams = new Datagrams({
    peer: (key) =>
      ({
        open: async () => (key === SILENT ? silent : Promise.resolve()),
        session: { state: 'idle', sendDatagram: (body: Uint8Array) => sent.push(body) > 0 },
      }) as unknown as Peer,
    isTrusted: () => true,
    dropped: () => undefined,
  });
  const to = async (peer: string): Promise<void> =>
    datagrams.send({ peer, port: 9, sourcePort: 9, bytes: new Uint8Array(1) });
  const refused: unknown[] = [];
  for (let i = 0; i < 2000; i++) to(SILENT).catch((error: unknown) => refused.push(error));
  await to(BOB);
  expect(sent).toHaveLength(1);
  expect(refused[0]).toMatchObject({ code: 'unavailable' });
  expect(2000 - refused.length).toBe(64);
});
