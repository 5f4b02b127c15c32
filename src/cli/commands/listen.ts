import { PilotError } from '../../base/pilot-error.ts';
import type { PilotClient, ReceivedDatagram } from '../../client/client.ts';
import { bytesLine, bytesView } from '../bytes-view.ts';
import { defineCommand } from '../command.ts';
import { Deadline } from '../deadline.ts';
import { write } from '../io.ts';
import { count, duration } from '../option.ts';
import { jsonText } from '../output.ts';
import { ownPort, readPort } from '../port-argument.ts';
import { oneLine } from '../printable.ts';

/** Kept for one answer; more come without bounds, as they are. */
const MAX_COUNT = 10_000;

interface DatagramLine {
  readonly src_addr: string;
  readonly src_port: number;
  readonly src_id: string;
  readonly bytes: number;
}

export const listen = defineCommand({
  args: { port: ownPort },
  options: {
    count: count('how many datagrams to take (default: until Ctrl-C)', {
      ...{ initial: 0, max: MAX_COUNT },
    }),
    timeout: duration('how long to listen (default: until Ctrl-C)'),
  },
  returns:
    'messages[{src_addr, src_port, src_id, data, bytes, data_encoding}], timeout; without --count and --timeout one such message per line, without an envelope',
  details:
    'Datagrams of trusted nodes. They may be lost, doubled and overtake each other.\nFor streams: pilotctl recv.',
  async run({ args, client, io, json, notice, options, signal: interrupted }) {
    const port = readPort(args.port);
    const { timeout: timeoutMs } = options;
    const wanted = options.count === 0 ? MAX_COUNT : options.count;
    const isBounded = options.count > 0 || timeoutMs !== undefined;
    const deadline = new Deadline(timeoutMs, interrupted);
    const messages: DatagramLine[] = [];
    const addressOf = addresses(client);
    const print = async (datagram: ReceivedDatagram, line: DatagramLine): Promise<void> => {
      if (!json) await write(io.stdout, textOf(datagram, line));
      else if (!isBounded) await write(io.stdout, `${jsonText(line)}\n`);
    };
    try {
      const socket = await client.datagrams(port, { signal: deadline.signal });
      for await (const datagram of socket) {
        const line = lineOf(datagram, await addressOf(datagram.from));
        await print(datagram, line);
        if (isBounded && messages.push(line) === wanted) break;
      }
      if (socket.dropped > 0) notice(`${socket.dropped} more came faster than they were read`);
    } catch (error) {
      if (!deadline.isOver) throw error;
    } finally {
      deadline.end();
    }
    return json && isBounded ? { data: { messages, timeout: deadline.isOver } } : {};
  },
});

/** Who sends is a trusted node, so its address is known here. */
function addresses(client: Pick<PilotClient, 'resolve'>): (id: string) => Promise<string> {
  const known = new Map<string, string>();
  return async (id) => {
    const before = known.get(id);
    if (before !== undefined) return before;
    const address = await client.resolve(id).then(
      (node) => node.address,
      (error: unknown) => {
        // Trust ended meanwhile.
        if (error instanceof PilotError && error.code === 'not_found') return '';
        throw error;
      },
    );
    known.set(id, address);
    return address;
  };
}

function lineOf({ from, port, bytes }: ReceivedDatagram, address: string): DatagramLine {
  const source = { src_addr: address, src_port: port, src_id: from };
  return { ...source, ...bytesView('data', bytes), bytes: bytes.length };
}

function textOf({ bytes }: ReceivedDatagram, { src_addr, src_port }: DatagramLine): string {
  return `${src_addr}:${src_port}  ${oneLine(bytesLine(bytes))}\n`;
}
