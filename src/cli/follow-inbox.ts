import { BoundedMap } from '../base/bounded-map.ts';
import { PilotError } from '../base/pilot-error.ts';
import type { InboxQuery, IncomingMessage, PilotClient } from '../client/client.ts';
import { type Io, write } from './io.ts';
import { inboundJson, inboundLine } from './message-view.ts';
import { stayConnected } from './stay-connected.ts';

export interface FollowSettings {
  readonly client: PilotClient;
  readonly io: Io;
  readonly json: boolean;
  readonly filter: InboxQuery;
  /** Marks each message once it is written. */
  readonly markRead: boolean;
  readonly notice: (line: string) => void;
}

/** As many as an inbox holds by default: the unread ones, and what was printed and not marked. */
const MAX_REMEMBERED = 10_000;

/**
 * Prints unread messages, oldest first, then each one that comes, until it is interrupted. Subscribes
 * before it lists, so that nothing falls between; after a gap it lists again.
 */
export async function followInbox(settings: FollowSettings): Promise<void> {
  const { client, io, filter, notice } = settings;
  const { signal } = io;
  const printed = new BoundedMap<string, true>(MAX_REMEMBERED);
  const senderId =
    filter.from === undefined ? undefined : (await client.resolve(filter.from, { signal })).id;

  await stayConnected(
    async (connected) => {
      const events = await client.subscribe(['message.received'], { signal });
      connected();
      const query = { ...filter, unread: true, limit: MAX_REMEMBERED };
      const { messages } = await client.inbox(query, { signal });
      for (const { id } of messages.toReversed()) {
        if (printed.has(id)) continue;
        const message = await peek(client, id, signal);
        if (message !== undefined) await print(message, settings, printed);
      }
      for await (const { data } of events) {
        if (senderId !== undefined && data.from.id !== senderId) continue;
        if (!printed.has(data.id)) await print(data, settings, printed);
      }
    },
    { signal, notice },
  );
}

async function print(
  message: IncomingMessage,
  { client, io, json, markRead }: FollowSettings,
  printed: BoundedMap<string, true>,
): Promise<void> {
  await write(io.stdout, json ? inboundJson(message) : inboundLine(message));
  printed.set(message.id, true);
  if (markRead) await unlessGone(client.markRead(message.id, { signal: io.signal }));
}

/** Somebody may have deleted it meanwhile. */
async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof PilotError && error.code === 'not_found') return undefined;
    throw error;
  }
}

async function peek(
  client: PilotClient,
  id: string,
  signal: AbortSignal,
): Promise<IncomingMessage | undefined> {
  return unlessGone(client.readInbox(id, { peek: true, signal }));
}
