import { expect, test, vi } from 'vitest';

import { Interrupted } from '../../src/cli/io.ts';
import { stayConnected } from '../../src/cli/stay-connected.ts';
import { PilotError } from '../../src/client/client.ts';

test('who is interrupted while the daemon is away ends as who is interrupted while it is there', async () => {
  const stop = new AbortController();
  const notice = vi.fn();
  const following = stayConnected(
    async (connected) => {
      connected();
      return Promise.reject(new PilotError('connection_failed', 'the daemon hung up'));
    },
    { signal: stop.signal, notice },
  );
  await expect.poll(() => notice.mock.calls).toEqual([['the daemon is gone; waiting for it']]);
  const reason = new Interrupted('SIGINT');
  stop.abort(reason);
  await expect(following).rejects.toBe(reason);
});
