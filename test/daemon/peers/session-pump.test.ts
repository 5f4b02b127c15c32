import { expect, test } from 'vitest';

import { toHex } from '../../../src/base/bytes.ts';
import { Answers } from '../../../src/daemon/messages/answers.ts';
import { decodeAppMessage } from '../../../src/daemon/messages/app-message.ts';
import { MAX_WAITING_ITEMS } from '../../../src/daemon/paths/path-item-queue.ts';
import type { Outgoing } from '../../../src/daemon/peers/outgoing.ts';
import { SessionPump } from '../../../src/daemon/peers/session-pump.ts';
import type { Session } from '../../../src/session/session.ts';
import { seededRandom } from '../../support/seeded-random.ts';

test('a peer that offers path after path and acknowledges nothing does not fill our memory', () => {
  const random = seededRandom(3);
  const sent: Uint8Array[] = [];
  let hasRoom = false;
  const session = {
    state: 'open',
    send: (body: Uint8Array) => {
      if (hasRoom) sent.push(body);
      return hasRoom;
    },
  } as unknown as Session;
  const outgoing = { isHeld: true, sessionRun: { next: undefined } } as unknown as Outgoing;
  const pump = new SessionPump({
    ...{ session, outgoing },
    answers: new Answers(),
    acceptance: () => undefined,
    mayCarryMessages: () => true,
  });
  let last = '';
  for (let i = 0; i < 10_000; i++) {
    last = toHex(random(8));
    const head = { kind: 'path', attempt: last } as const;
    const credentials = { ufrag: 'abcd', password: 'p'.repeat(22) };
    pump.tell({ ...head, step: 'answer', credentials, streamId: 1 + i });
    pump.tell({ ...head, step: 'candidates', candidates: [], isLast: true });
    if (i % 2 === 0) pump.tell({ ...head, step: 'end', reason: 'no_answer' });
  }
  hasRoom = true;
  pump.pump();
  expect(sent.length).toBeLessThanOrEqual(MAX_WAITING_ITEMS);
  expect(sent.slice(-2).map((body) => decodeAppMessage(body))).toMatchObject([
    { kind: 'path', attempt: last, step: 'answer' },
    { kind: 'path', attempt: last, step: 'candidates' },
  ]);
});
