import { once } from 'node:events';
import { finished } from 'node:stream/promises';

import { expect, onTestFinished, test } from 'vitest';

import { connectionsOf, disconnect } from '../../../src/daemon/api/connection-views.ts';
import type { PeerStream } from '../../../src/daemon/streams/stream-duplex.ts';
import { type JoinedPorts, joinedPorts } from '../joined-ports.ts';

async function connected(): Promise<JoinedPorts & { ours: PeerStream; theirs: PeerStream }> {
  const joined = await joinedPorts();
  onTestFinished(() => {
    joined.close();
  });
  const taken = new Promise<PeerStream>((resolve) => {
    joined.ports[1].listen(80, (incoming) => {
      const stream = incoming.accept();
      if (stream !== undefined) resolve(stream);
    });
  });
  const ours = await joined.ports[0].dial('peer', 80);
  return { ...joined, ours, theirs: await taken };
}

test('both sides see the stream, its ports, its bytes and its state', async () => {
  const { ports, ours, theirs } = await connected();
  ours.write('hello');
  await once(theirs, 'data');
  const [view] = connectionsOf(ports[0]).connections;
  expect(view).toMatchObject({
    ...{ id: 1, remote_port: 80, local_port: ours.localPort, state: 'ESTABLISHED' },
    ...{ bytes_sent: 5, bytes_recv: 0, direction: 'outgoing', ...remoteOf(ports[0], ours) },
  });
  expect(connectionsOf(ports[1])).toMatchObject({
    connections: [{ local_port: 80, bytes_recv: 5, direction: 'incoming' }],
    total: 1,
  });
  ours.end();
  theirs.resume();
  await once(theirs, 'end');
  expect(connectionsOf(ports[0]).connections[0]?.state).toBe('FIN_WAIT');
  expect(connectionsOf(ports[1]).connections[0]?.state).toBe('CLOSE_WAIT');
});

test('disconnect ends it on both sides and says so to whoever has it; the number is not used again', async () => {
  const { ports, ours, theirs } = await connected();
  const gone = finished(theirs).catch(() => undefined);
  expect(disconnect(ports[0], '1')).toEqual({ conn_id: 1 });
  expect(ours.errored?.message).toContain('pilotctl disconnect');
  await gone;
  expect(theirs.resetCode).toBe('disconnected');
  expect(connectionsOf(ports[0])).toEqual({ connections: [], total: 0 });
  expect(() => disconnect(ports[0], '1')).toThrow(/there is no connection 1/);
  expect(() => disconnect(ports[0], 'x')).toThrow(/there is no connection x/);
  await ports[0].dial('peer', 80);
  expect(connectionsOf(ports[0]).connections.map(({ id }) => id)).toEqual([2]);
});

function remoteOf(ports: JoinedPorts['ports'][0], stream: PeerStream): object {
  const { id, address, hostname } = ports.namesOf(stream.peer);
  return { remote_id: id, remote_addr: address, remote_hostname: hostname };
}
