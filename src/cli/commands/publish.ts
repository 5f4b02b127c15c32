import { MAX_EVENT_BYTES } from '../../client/event-frame.ts';
import { defineCommand, required, target } from '../command.ts';
import { text, toggle } from '../option.ts';
import { readBytes } from '../payload-input.ts';

export const publish = defineCommand({
  args: { target, topic: required('a topic: levels between slashes, without wildcards') },
  options: {
    data: text('TEXT', 'the payload; - reads it from standard input'),
    dataFile: text('FILE', 'a file with the payload', { isFile: true }),
    retain: toggle('the broker keeps it for those who subscribe later with --retained'),
  },
  returns: 'target, topic, bytes, subscribers',
  details:
    'The target is the broker; it may be this node. Of what is published with --retain it keeps the last event\nof each topic, until it ends; one without a payload (--data "") makes it forget that.',
  async run({ args, client, io, options, signal, wait }) {
    const { retain } = options;
    const payload = await readBytes(options, io, MAX_EVENT_BYTES);
    const publishing = client.topics.publish(args.target, args.topic, payload, { signal, retain });
    const data = await wait(`publishing at ${args.target}`, publishing);
    const { bytes, subscribers } = data;
    return { data, text: `published: ${bytes} bytes to ${subscribers} subscribers` };
  },
});
