import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

import { expect, test, vi } from 'vitest';

import { ManualClock } from '../../support/manual-clock.ts';
import { eventually } from '../../support/processes.ts';
import { next, two, upgradeRequest } from './two-apis.ts';

// The machine may be busy with other tests.
vi.setConfig({ testTimeout: 30_000 });

const STOPPING = { code: 'unavailable', message: 'the daemon is stopping' };

test('programs hear of it on their streams and subscriptions, and of dials that nobody answers', async () => {
  const pair = await two();
  const [here, there] = [await pair.alice.listen(8), await pair.bob.listen(9)];
  const [dialled, theirs] = await Promise.all([pair.alice.dial('peer', 9), next(there)]);
  const [accepted] = await Promise.all([next(here), pair.bob.dial('peer', 8)]);
  const events = await pair.alice.topics.subscribe('fake', 'news');
  const unanswered = pair.alice.dial('peer', 9);
  const { value: offer } = await there.offers().next();
  expect(offer?.stream).toBe('2');
  const told = [
    ...[text(dialled), text(accepted), unanswered],
    events[Symbol.asyncIterator]().next(),
  ].map(async (one) => expect(one).rejects.toMatchObject(STOPPING));
  const theirEnd = expect(text(theirs)).rejects.toMatchObject({ code: 'connection_failed' });
  await pair.daemons[0].server.stop();
  await Promise.all([...told, theirEnd]);
  expect(pair.ports[0].openCount).toBe(0);
});

test('what was on its way comes before the RESET; who does not close is closed after two seconds', async () => {
  const clock = new ManualClock();
  const pair = await two({ clock });
  const listener = await pair.bob.listen(9);
  const taken = next(listener);
  const socket = connect({ path: pair.daemons[0].socketPath, allowHalfOpen: true });
  const pieces: string[] = [];
  socket.setEncoding('latin1').on('data', (piece: string) => pieces.push(piece));
  socket.write(upgradeRequest('/v1/streams/dial?target=peer&port=9'));
  (await taken).write('hello');
  await eventually('it came', () => pieces.join('').includes('hello') || undefined);

  let hasStopped = false;
  const stopped = pair.daemons[0].server.stop().then(() => (hasStopped = true));
  await once(socket, 'end');
  const failure = JSON.stringify({ ...STOPPING, hint: 'start it again: pilotctl daemon start' });
  const reset = `\x02\0\0${String.fromCharCode(failure.length)}${failure}`;
  expect(pieces.join('')).toMatch(/\r\n\r\n\0\0\0\x05hello/);
  expect(pieces.join('').endsWith(`hello${reset}`)).toBe(true);
  expect(hasStopped).toBe(false);
  const closed = once(socket, 'close');
  clock.advance(2000);
  await stopped;
  socket.end();
  await closed;
});

test('programs that only listen, or have a port for datagrams, hear of it behind what came before', async () => {
  const pair = await two();
  const [here, socket] = [await pair.alice.listen(8), await pair.alice.datagrams(53)];
  const [offers, datagrams] = [here.offers(), socket[Symbol.asyncIterator]()];
  const dialled = pair.bob.dial('peer', 8);
  const refused = expect(dialled).rejects.toMatchObject({ code: 'connection_refused' });
  await eventually('it is offered', () => pair.ports[0].listenerCount > 0 || undefined);
  expect((await offers.next()).value).toMatchObject({ stream: '1' });
  await pair.bob.sendDatagram({ target: 'peer', port: 53, data: 'hello' });
  expect(String((await datagrams.next()).value?.bytes)).toBe('hello');
  const told = [offers.next(), datagrams.next()].map(async (one) =>
    expect(one).rejects.toMatchObject(STOPPING),
  );
  await pair.daemons[0].server.stop();
  await Promise.all([...told, refused]);
  await expect(socket.send('peer', 1, Buffer.from('late'))).rejects.toMatchObject(STOPPING);
});
