import { Duplex } from 'node:stream';

import { expect, test } from 'vitest';

import { echoRoundTrip } from '../../src/cli/echo-probe.ts';
import { PilotError } from '../../src/client/client.ts';

const over = new PilotError('unavailable', 'the daemon is stopping');

test('a stream that broke, or ended, between two probes fails the next one', async () => {
  const broken = new Duplex({ read: () => undefined, write: () => undefined });
  broken.on('error', () => undefined).destroy(over);
  await new Promise((resolve) => broken.once('close', resolve));
  await expect(echoRoundTrip(broken, Buffer.from('x'))).rejects.toBe(over);

  const ended = new Duplex({ read: () => undefined, write: () => undefined });
  ended.resume().push(null);
  await new Promise((resolve) => ended.once('end', resolve));
  await expect(echoRoundTrip(ended, Buffer.from('x'))).rejects.toMatchObject({
    code: 'connection_failed',
  });
});
