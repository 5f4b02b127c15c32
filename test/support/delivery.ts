import { payloadText, type PilotClient } from '../../src/client/client.ts';
import { eventually } from './processes.ts';

/** Resolves when the outbox is empty. Throws for a dead letter, or when that takes longer. */
export async function untilDelivered(
  name: string,
  client: PilotClient,
  timeoutMs: number,
): Promise<void> {
  await eventually(
    `everything ${name} sent is delivered`,
    async () => {
      const { messages } = await client.outbox();
      const dead = messages.find(({ status }) => status === 'dead');
      if (dead !== undefined) throw new Error(`${dead.message_id} is dead: ${dead.reason}`);
      return messages.length === 0 || undefined;
    },
    timeoutMs,
  );
}

/** The texts of all messages, oldest first; nothing is left of them. */
export async function takeInbox(client: PilotClient): Promise<string[]> {
  const { messages } = await client.inbox({ full: true, limit: 10_000 });
  await client.clearInbox();
  return messages.map((message) => payloadText(message)).reverse();
}
