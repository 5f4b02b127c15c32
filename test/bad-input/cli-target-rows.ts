import { Identity } from '../../src/identity/identity.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { CliRow } from './cli-row.ts';

const nobody = Identity.create(seededRandom(99), 0);

/** One character other than it was, as somebody mistypes it. */
function mistyped(id: string): string {
  const at = 30;
  return `${id.slice(0, at)}${id[at] === 'q' ? 'p' : 'q'}${id.slice(at + 1)}`;
}

const NODE_ID_HINT = /a Node ID is "pilot1" and 59 letters and digits/;

export const TARGET_ROWS: readonly CliRow[] = [
  {
    name: 'an unknown hostname',
    args: () => ['send-message', 'nobody', '--data', 'x'],
    code: 'not_found',
    message: /no relay of this node knows nobody/,
    hint: /Check the spelling/,
  },
  {
    name: 'an unknown Node ID',
    args: () => ['ping', nobody.nodeId],
    code: 'not_found',
    message: /no relay of this node knows pilot1/,
    hint: /Check the spelling/,
  },
  {
    name: 'an unknown node number',
    args: () => ['lookup', '4242'],
    code: 'not_found',
    message: /no relay of this node knows 4242/,
    hint: /Check the spelling/,
  },
  {
    name: 'an unknown address',
    args: () => ['handshake', '0:0000.0000.1092'],
    code: 'not_found',
    message: /no relay of this node knows 0:0000\.0000\.1092/,
    hint: /Check the spelling/,
  },
  {
    name: 'a Node ID with one character changed',
    args: ({ bobId }) => ['send-message', mistyped(bobId), '--data', 'x'],
    code: 'invalid_argument',
    message: /is not a Node ID: its checksum is wrong: a character was mistyped/,
    hint: NODE_ID_HINT,
  },
  {
    name: 'a Node ID that lost its last character',
    args: ({ bobId }) => ['ping', bobId.slice(0, -1)],
    code: 'invalid_argument',
    message: /is not a Node ID: it has 64 characters instead of 65/,
    hint: NODE_ID_HINT,
  },
  {
    name: 'a Node ID with one character too many',
    args: ({ bobId }) => ['lookup', `${bobId}q`],
    code: 'invalid_argument',
    message: /is not a Node ID: it has 66 characters instead of 65/,
    hint: NODE_ID_HINT,
  },
  {
    name: 'a Node ID with a character that none has',
    args: ({ bobId }) => ['handshake', bobId.replace(/.$/, 'b')],
    code: 'invalid_argument',
    message: /is not a Node ID: "b" is not one of its characters/,
    hint: NODE_ID_HINT,
  },
  {
    name: 'a Node ID with another prefix',
    args: ({ bobId }) => ['send-message', bobId.replace('pilot1', 'pilut1'), '--data', 'x'],
    code: 'invalid_argument',
    message: /"pilut1\S+" is not a target/,
    hint: /A target is a Node ID \(pilot1…\)/,
  },
  {
    name: 'an address with mismatched network',
    args: () => ['send-message', '0:0001.A91F.7C2E', '--data', 'x'],
    code: 'invalid_argument',
    message: /network mismatch: 0 is not 0001 in hexadecimal/,
    hint: /an address looks like 0:0000\.A91F\.7C2E/,
  },
  {
    name: 'an address of another network',
    args: () => ['ping', '1:0001.A91F.7C2E'],
    code: 'invalid_argument',
    message: /there is no network 1, only network 0/,
    hint: /Did you mean 0:0000\.A91F\.7C2E\?/,
  },
  {
    name: 'an address that is cut off',
    args: () => ['lookup', '0:0000.A91F'],
    code: 'invalid_argument',
    message: /is not an address: it is not of the form NETWORK:NNNN\.HHHH\.LLLL/,
    hint: /an address looks like/,
  },
  {
    name: 'a node number of 33 bits',
    args: () => ['ping', '4294967296'],
    code: 'invalid_argument',
    message: /it has over 32 bits/,
    hint: /A target is/,
  },
  {
    name: 'an empty target',
    args: () => ['send-message', '', '--data', 'x'],
    code: 'invalid_argument',
    message: /target/,
    hint: /target|Target/,
  },
  {
    name: 'the node itself',
    args: () => ['send-message', 'alice', '--data', 'x'],
    code: 'invalid_argument',
    message: /alice is this node itself/,
    hint: /Name another node/,
  },
  {
    name: 'the rejection of a request that nobody made',
    args: ({ bobNumber }) => ['reject', String(bobNumber)],
    code: 'not_found',
    message: /that node has not asked for trust/,
    hint: /pilotctl pending/,
  },
];
