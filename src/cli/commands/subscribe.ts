import { PilotError, type TopicEvent, type TopicSubscription } from '../../client/client.ts';
import { defineCommand, required, target } from '../command.ts';
import { Deadline } from '../deadline.ts';
import { eventJson, eventLine, type EventView, eventView, missingText } from '../event-view.ts';
import { type Io, write } from '../io.ts';
import { count, duration, toggle } from '../option.ts';
import { stayConnected } from '../stay-connected.ts';

/** Kept for one answer; more come without --count, as they are. */
const MAX_COUNT = 10_000;

export const subscribe = defineCommand({
  args: { target, topic: required('a topic; + is any level, # the rest, * all topics') },
  options: {
    count: count('end after so many events (default: until Ctrl-C)', {
      ...{ initial: 0, max: MAX_COUNT },
    }),
    timeout: duration('end after this long (default: until Ctrl-C)'),
    retained: toggle('first the last event of each topic that was published with --retain'),
    atLeastOnce: toggle('lose nothing while this program, its daemon or the broker is away'),
    forget: toggle('end what --at-least-once began'),
  },
  returns:
    'events[{topic, data, bytes, data_encoding, retained}], timeout, missing, gaps; without --count one such event per line, or {dropped} or {gap} where some are missing, without an envelope',
  details:
    'The target is the broker; it may be this node. Events that come faster than they are read are dropped, the\noldest first, and counted. With --at-least-once they wait instead, on disk, for as long as messages do; what\nwas not printed to its end comes again.',
  async run({ args, client, io, json, notice, options, signal }) {
    const { target: broker, topic } = args;
    if (options.forget) {
      const data = await client.topics.forget(broker, topic, { signal });
      return { data, text: `${topic} of ${broker}: forgotten` };
    }
    const { retained, atLeastOnce } = options;
    const deadline = new Deadline(options.timeout, signal);
    const taken = new TakenEvents({ io, json, wanted: options.count, notice });
    const done = new AbortController();
    const until = AbortSignal.any([deadline.signal, done.signal]);
    const settings = { retained, atLeastOnce, signal: until };
    let wasConnected = false;
    const follow = async (connected: () => void): Promise<void> => {
      const subscription = await client.topics.subscribe(broker, topic, settings);
      connected();
      if (wasConnected && !atLeastOnce) await taken.take({ kind: 'gap' });
      wasConnected = true;
      if (await taken.takeAll(subscription)) done.abort();
      else throw new PilotError('connection_failed', 'the daemon ended the subscription');
    };
    try {
      await stayConnected(follow, { signal: until, notice });
    } catch (error) {
      if (!deadline.isOver && !done.signal.aborted) throw error;
    } finally {
      deadline.end();
    }
    const isListed = json && options.count > 0;
    return isListed ? { data: { ...taken.result, timeout: deadline.isOver } } : {};
  },
});

interface Taking {
  readonly io: Io;
  readonly json: boolean;
  /** 0: there is no end. */
  readonly wanted: number;
  readonly notice: (line: string) => void;
}

/** Events as they are printed, or listed at the end. */
class TakenEvents {
  readonly result = { events: [] as EventView[], missing: 0, gaps: 0 };
  readonly #taking: Taking;
  #count = 0;

  constructor(taking: Taking) {
    this.#taking = taking;
  }

  /** True: all that are wanted have come. False: the daemon has gone. */
  async takeAll(subscription: TopicSubscription): Promise<boolean> {
    for await (const event of subscription) {
      await this.take(event);
      if (this.#taking.wanted === 0 || this.#count < this.#taking.wanted) continue;
      await subscription.acknowledge();
      return true;
    }
    return false;
  }

  async take(event: TopicEvent): Promise<void> {
    const { io, json, notice, wanted } = this.#taking;
    const isListed = json && wanted > 0;
    if (event.kind === 'event') this.#count += 1;
    if (isListed) this.#list(event);
    else if (json) await write(io.stdout, eventJson(event));
    else if (event.kind === 'event') await write(io.stdout, eventLine(event));
    else notice(missingText(event));
  }

  #list(event: TopicEvent): void {
    if (event.kind === 'event') this.result.events.push(eventView(event));
    else if (event.kind === 'gap') this.result.gaps += 1;
    else this.result.missing += event.count;
  }
}
