import { bytesView } from '../bytes-view.ts';
import { defineCommand, target } from '../command.ts';
import { text } from '../option.ts';
import { port, readPort } from '../port-argument.ts';
import { dataOf } from './send.ts';

export const dgram = defineCommand({
  args: { target, port },
  options: { data: text('TEXT', 'what to send; - reads it from standard input') },
  returns: 'target, port, bytes',
  details: 'One datagram. That it has left says nothing about its coming.',
  async run({ args, client, io, options, signal, wait }) {
    const to = { target: args.target, port: readPort(args.port) };
    const { data = '', data_encoding } = bytesView('data', await dataOf(options.data, io));
    const request = {
      ...to,
      data,
      ...(data_encoding !== undefined && { encoding: 'base64' as const }),
    };
    const sending = client.sendDatagram(request, { signal });
    const { bytes } = await wait(`sending to ${args.target}`, sending);
    return { data: { ...to, bytes }, text: `sent: ${bytes} bytes` };
  },
});
