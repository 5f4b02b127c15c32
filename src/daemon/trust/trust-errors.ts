import { PilotError } from '../../base/pilot-error.ts';
import { nodeIdOf } from '../names/peer-name.ts';
import type { TrustRecord } from './trust-record.ts';

/** A relay's directory contradicts what is pinned. */
export function forked({ peer }: TrustRecord): PilotError {
  const message = `the directory has another key for ${nodeIdOf(peer)} than is pinned`;
  return new PilotError('conflict', message, {
    hint: 'Somebody may have stolen an old key of that node. Ask its owner before you go on.',
  });
}

/** There is nothing to approve or to reject. */
export function noRequest(known: TrustRecord | undefined): PilotError {
  const hint = 'See who has asked: pilotctl pending';
  if (known?.state === 'asked') {
    return new PilotError('conflict', 'it is this node that asked; the answer is theirs to give', {
      hint: 'See both sides: pilotctl trust',
    });
  }
  return new PilotError('not_found', `that node has not asked for trust`, { hint });
}
