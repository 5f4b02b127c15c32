/** What somebody sent, in this order, against what is in an inbox. */
import { createHash } from 'node:crypto';

/** Long ones among short ones, as they come in life: at most 64 KiB, 1.4 KiB on average. */
const LONG_EVERY = 50;
const LONG_BYTES = 64 * 1024;
const SHORT_BYTES = 64;

/** Its name, and bytes that nothing else has: a message that is not this one to the last byte is another one. */
export function messageText(name: string, number: number): string {
  const bytes = number % LONG_EVERY === LONG_EVERY - 1 ? LONG_BYTES : SHORT_BYTES;
  const digest = createHash('sha256').update(`${name}/${number}`).digest('hex');
  return `${name}/${number} ${digest.repeat(Math.ceil(bytes / digest.length)).slice(0, bytes)}`;
}

/** Throws unless it is every message once and in order. */
export function checkReceived(name: string, count: number, received: readonly string[]): void {
  const at = received.findIndex((text, number) => text !== messageText(name, number));
  if (at !== -1 || received.length !== count) {
    const names = received.map((text) => text.split(' ', 1)[0] ?? '');
    const twice = names.find((one, index) => names.indexOf(one) !== index);
    const what =
      at === -1
        ? `only ${received.length} of ${count} came`
        : `${names[at] ?? ''} came at place ${at}`;
    throw new Error(`${name}: ${what}${twice === undefined ? '' : `, ${twice} twice`}`);
  }
}
