import { expect, test } from 'vitest';

import { Answers } from '../../../src/daemon/messages/answers.ts';
import type { MessageItem } from '../../../src/daemon/messages/app-message.ts';
import { Inbox } from '../../../src/daemon/messages/inbox.ts';
import { Incoming } from '../../../src/daemon/messages/incoming.ts';
import { incomingView } from '../../../src/daemon/messages/message-views.ts';
import { namesOfKey } from '../../../src/daemon/names/node-names.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryStorage } from '../store/memory-storage.ts';

const SENDER = '01'.repeat(32);
const DAY_MS = 86_400_000;

test.each([
  ['before it expires', { sentAtMs: 0, expiresAtMs: 1000 }, 'delivered'],
  ['in the very millisecond', { sentAtMs: 1000, expiresAtMs: 1000 }, 'delivered'],
  ['after it has expired', { sentAtMs: 1001, expiresAtMs: 1000 }, 'refused'],
  ['in no year of a calendar', { sentAtMs: 2 ** 53, expiresAtMs: 1000 }, 'refused'],
  ['to expire in two months', { sentAtMs: 0, expiresAtMs: 60 * DAY_MS }, 'refused'],
])('a message that says it was sent %s', async (_what, { sentAtMs, expiresAtMs }, kind) => {
  const clock = new ManualClock();
  const inbox = new Inbox({
    ...{ storage: new MemoryStorage(), clock },
    limits: { maxMessages: 10, maxBytes: 1000 },
    received: () => undefined,
  });
  const incoming = new Incoming(SENDER, {
    ...{ clock, inbox, maxPayloadBytes: 100 },
    isAwaited: () => false,
    refused: () => undefined,
    answered: () => undefined,
  });
  const item: MessageItem = {
    kind: 'message',
    id: '0193f5a2-7c1e-7b3a-9d2f-5e8c4a1b6d70',
    correlationId: '0193f5a2-7c1e-7b3a-9d2f-5e8c4a1b6d71',
    ...{ replyTo: '', type: 'text', payload: new Uint8Array(3), run: 1 },
    sentAtMs: Math.min(clock.now() + sentAtMs, Number.MAX_SAFE_INTEGER),
    expiresAtMs: clock.now() + expiresAtMs,
  };
  const answers = new Answers();
  await incoming.push([item], answers);
  const code = kind === 'refused' ? { code: 'malformed' } : {};
  expect(answers.take(2)).toMatchObject([{ kind, ...code }]);
  // Whatever was kept can be shown.
  const names = namesOfKey(SENDER);
  const shown = [...inbox.newestFirst()].map((entry) => incomingView(entry, names).sent_at);
  expect(shown).toHaveLength(kind === 'refused' ? 0 : 1);
});
