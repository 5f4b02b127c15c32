import type { TopicEvent } from '../client/client.ts';
import { bytesLine, bytesView } from './bytes-view.ts';
import { jsonText } from './output.ts';
import { oneLine } from './printable.ts';

type Published = Extract<TopicEvent, { kind: 'event' }>;
type Missing = Exclude<TopicEvent, Published>;

/** As `subscribe` lists it: text where it is text, base64 where it is not. */
export interface EventView {
  readonly topic: string;
  readonly bytes: number;
  readonly retained?: true;
}

export function eventView({ topic, payload, retained }: Published): EventView {
  const view = { topic, ...bytesView('data', payload), bytes: payload.length };
  return retained ? { ...view, retained } : view;
}

/** One line of JSON. What is no event has a member of its own. */
export function eventJson(event: TopicEvent): string {
  switch (event.kind) {
    case 'event':
      return `${jsonText(eventView(event))}\n`;
    case 'dropped':
      return `${jsonText({ dropped: event.count })}\n`;
    case 'gap':
      return `${jsonText({ gap: true })}\n`;
  }
}

/** For people. */
export function eventLine({ topic, payload }: Published): string {
  return `${oneLine(topic)}: ${oneLine(bytesLine(payload))}\n`;
}

/** For people: what is missing. */
export function missingText(event: Missing): string {
  return event.kind === 'gap'
    ? 'the broker was not reachable for a while: events may be missing here'
    : `${event.count} events are missing here: they came faster than they were read`;
}
