/**
 * What path items hold about NATs, and what is said about punching.
 *
 *     nat       m: 0 endpoint-independent 1 dependent 2 unknown   b: behind a NAT (absent: not known)
 *               h: 4 B, p: port; absent without an outer endpoint
 *               d: step, down: ports count down, l: last port; absent when the ports have no order
 *     punching  t: 0 ask 1 go 2 opened 3 refuse   r: round   n: nat, of 0 and 1   code: text, of 3
 */
import type { CborFields } from '../../base/cbor-fields.ts';
import { parseIpAddress } from '../../base/ip-address.ts';
import { formatIpAddress } from '../../base/ip-text.ts';
import { WireError } from '../../base/wire-error.ts';
import { isPunchMessage, type PunchMessage } from '../../ice/hard-nat-message.ts';
import { isNatSummary, type NatSummary } from '../../ice/nat-summary.ts';

const MAPPINGS: readonly NatSummary['mapping'][] = ['endpoint-independent', 'dependent', 'unknown'];
const STEPS: readonly PunchMessage['step'][] = ['ask', 'go', 'opened', 'refuse'];
const ADDRESS_BYTES = 4;
const MAX_CODE_LENGTH = 64;

/** RangeError for a summary that is not for the peer. */
export function natMembers(nat: NatSummary): object {
  if (!isNatSummary(nat)) throw new RangeError('no summary of a NAT');
  const { mapping, behindNat, outer, portStep } = nat;
  return {
    m: MAPPINGS.indexOf(mapping),
    ...(behindNat !== undefined && { b: behindNat }),
    ...(outer !== undefined && { h: parseIpAddress(outer.host), p: outer.port }),
    ...(portStep !== undefined && {
      ...{ d: Math.abs(portStep.step), down: portStep.step < 0, l: portStep.lastPort },
    }),
  };
}

/** Undefined for one that says nothing that could be true. WireError for what is malformed. */
export function readNat(fields: CborFields): NatSummary | undefined {
  const nat: NatSummary = {
    mapping: MAPPINGS[fields.count('m')] ?? 'unknown',
    behindNat: fields.has('b') ? fields.flag('b') : undefined,
    outer: fields.has('h') ? readOuter(fields) : undefined,
    portStep: fields.has('d') ? readPortStep(fields) : undefined,
  };
  return isNatSummary(nat) ? nat : undefined;
}

export function punchMembers(message: PunchMessage): object {
  const head = { t: STEPS.indexOf(message.step), r: message.round };
  switch (message.step) {
    case 'ask':
    case 'go':
      return { ...head, n: natMembers(message.nat) };
    case 'opened':
      return head;
    case 'refuse':
      return { ...head, code: message.reason };
  }
}

/** Undefined for what this release does not know or do. WireError for what is malformed. */
export function readPunch(fields: CborFields): PunchMessage | undefined {
  const round = fields.count('r');
  const message = readStep(fields, round);
  return message !== undefined && isPunchMessage(message) ? message : undefined;
}

function readStep(fields: CborFields, round: number): PunchMessage | undefined {
  const step = STEPS[fields.count('t')];
  if (step === 'opened') return { step, round };
  if (step === 'refuse') {
    const isBusy = fields.text('code', { atMost: MAX_CODE_LENGTH }) === 'busy';
    return { step, round, reason: isBusy ? 'busy' : 'hopeless' };
  }
  const nat = step && readNat(fields.map('n'));
  return step && nat && { step, round, nat };
}

function readOuter(fields: CborFields): NatSummary['outer'] {
  const host = formatIpAddress(fields.bytes('h', { exactly: ADDRESS_BYTES }));
  if (host === undefined) throw new WireError('h is no IPv4 address');
  return { host, port: fields.count('p') };
}

function readPortStep(fields: CborFields): NatSummary['portStep'] {
  const step = fields.count('d');
  return { step: fields.flag('down') ? -step : step, lastPort: fields.count('l') };
}
