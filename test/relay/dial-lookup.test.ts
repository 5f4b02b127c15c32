import { expect, test, vi } from 'vitest';

import { dialWebSocket } from '../../src/relay/dial-websocket.ts';
import { within } from './support/relay-fixture.ts';

const asked = vi.hoisted((): string[] => []);

vi.mock(import('node:dns'), async (original) => {
  const real = await original();
  const lookup = Object.assign((name: string): void => void asked.push(name), {
    __promisify__: real.lookup.__promisify__,
  });
  return { ...real, default: { ...real.default, lookup }, lookup };
});

test('dials that gave up waiting for a name leave one question behind, not one each', async () => {
  const target = { href: 'ws://relay.example:7443/', ca: undefined, maxFrameBytes: 1000 };
  for (let i = 0; i < 3; i++) {
    await within('the end', (resolve) => {
      const socket = dialWebSocket(target, {
        opened: () => undefined,
        frame: () => undefined,
        ended: resolve,
      });
      // The dial has asked by then.
      setImmediate(() => {
        socket.terminate();
      });
    });
  }
  expect(asked).toEqual(['relay.example']);
});
