import type { CliRow } from './cli-row.ts';

const KIB_257 = 257 * 1024;
const TOO_LARGE = /the payload has 263168 bytes; at most 262144 can be sent/;
const TOO_LARGE_HINT = /in parts, or raise messaging\.max_payload_kb on both hosts/;

export const PAYLOAD_ROWS: readonly CliRow[] = [
  {
    name: '257 KiB from a file',
    args: ({ bobId, file }) => [
      'send-message',
      bobId,
      '--type',
      'binary',
      '--data-file',
      file('large', new Uint8Array(KIB_257)),
    ],
    code: 'invalid_argument',
    message: TOO_LARGE,
    hint: TOO_LARGE_HINT,
  },
  {
    name: '257 KiB from standard input',
    args: ({ bobId }) => ['send-message', bobId, '--data', '-'],
    input: 'x'.repeat(KIB_257),
    code: 'invalid_argument',
    message: TOO_LARGE,
    hint: TOO_LARGE_HINT,
  },
  {
    name: 'more than any daemon takes, from standard input',
    args: ({ bobId }) => ['send-message', bobId, '--data', '-'],
    input: 'x'.repeat(2 ** 20 + 1),
    code: 'invalid_argument',
    message: /standard input .*1048576|1 MiB/,
    hint: undefined,
  },
  {
    name: 'invalid JSON with --type json',
    args: ({ bobId }) => ['send-message', bobId, '--type', 'json', '--data', '{"a": 1,}'],
    code: 'invalid_argument',
    message: /the payload is not JSON/,
    hint: /check the quotes/,
  },
  {
    name: 'text that is not UTF-8',
    args: ({ bobId, file }) => [
      'send-message',
      bobId,
      '--data-file',
      file('latin-1', Buffer.from([0x66, 0xfc, 0x72])),
    ],
    code: 'invalid_argument',
    message: /UTF-8/,
    hint: /binary/,
  },
  {
    name: 'a file that is not there',
    args: ({ bobId }) => ['send-message', bobId, '--data-file', '/nonexistent/payload'],
    code: 'not_found',
    message: /there is no file \/nonexistent\/payload/,
    hint: undefined,
  },
  {
    name: 'a folder as the payload',
    args: ({ bobId, world }) => ['send-message', bobId, '--data-file', world.sandbox.folder],
    code: 'invalid_argument',
    message: /cannot read/,
    hint: undefined,
  },
  {
    name: 'no payload',
    args: ({ bobId }) => ['send-message', bobId],
    code: 'invalid_argument',
    message: /there is nothing to send/,
    hint: /--data TEXT, --data - for standard input, or --data-file FILE/,
  },
  {
    name: 'two payloads',
    args: ({ bobId, file }) => [
      'send-message',
      bobId,
      '--data',
      'x',
      '--data-file',
      file('f', 'x'),
    ],
    code: 'invalid_argument',
    message: /--data and --data-file exclude each other/,
    hint: undefined,
  },
  {
    name: 'a type that there is not',
    args: ({ bobId }) => ['send-message', bobId, '--data', 'x', '--type', 'xml'],
    code: 'invalid_argument',
    message: /--type: expected one of text, json, binary, found "xml"/,
    hint: undefined,
  },
  {
    name: 'an answer to no message',
    args: ({ bobId }) => ['send-message', bobId, '--data', 'x', '--reply-to', 'yesterday'],
    code: 'invalid_argument',
    message: /reply_to is not a UUID: yesterday/,
    hint: /pilotctl inbox/,
  },
  {
    name: 'an answer to a message that never came',
    args: ({ bobId }) => [
      'send-message',
      bobId,
      ...['--data', 'x', '--reply-to', '0193f5a2-7c1e-7b3a-9d2f-5e8c4a1b6d70'],
    ],
    code: 'not_found',
    message: /no message 0193f5a2\S+ came from that node/,
    hint: /pilotctl inbox/,
  },
];
