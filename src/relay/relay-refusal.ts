import { RelayError, type RelayErrorCode } from './relay-error.ts';

interface Refusal {
  readonly code: RelayErrorCode;
  readonly message: string;
  readonly hint?: string;
}

/** What a relay's `error` code, or the reason of its close frame, means to a node. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  version: {
    code: 'version',
    message: 'the relay speaks another version of the protocol',
    hint: 'Update the older one of the two.',
  },
  auth_required: {
    code: 'auth_required',
    message: 'the relay asks for an access token that it knows',
    hint: 'Give the token with --token (or PILOT_TOKEN); the relay’s operator has it.',
  },
  not_allowed: {
    code: 'not_allowed',
    message: 'this node is not on the relay’s list',
    hint: 'Ask the relay’s operator to add this Node ID: pilotctl identity show',
  },
  stale_key: {
    code: 'stale_key',
    message: 'the relay knows a newer key of this identity',
    hint: 'This host has an old copy of the key: use the one that was rotated last.',
  },
  bad_login: { code: 'login_refused', message: 'the relay refused the key chain' },
  bad_signature: { code: 'login_refused', message: 'the relay refused the signature' },
  duplicate_login: {
    code: 'duplicate',
    message: 'another node is logged in with this identity',
    hint: 'Each host needs its own identity: one of the two has a copy.',
  },
  replaced: { code: 'replaced', message: 'another login with this identity took the place' },
  rate_limited: { code: 'busy', message: 'the relay takes no more logins from here for now' },
  unavailable: { code: 'busy', message: 'the relay cannot check logins now' },
  protocol: { code: 'protocol', message: 'the relay could not read what this node sent' },
  slow_receiver: {
    code: 'slow_receiver',
    message: 'the relay gave up: this node did not read fast enough',
  },
  going_away: { code: 'going_away', message: 'the relay is stopping' },
};

export function refusalOf(reason: string): RelayError {
  const refusal = Object.hasOwn(REFUSALS, reason) ? REFUSALS[reason] : undefined;
  if (refusal === undefined) return new RelayError('lost', 'the connection to the relay was lost');
  return new RelayError(refusal.code, refusal.message, { hint: refusal.hint });
}

const REQUEST_FAILURES: Partial<Record<string, readonly [code: RelayErrorCode, message: string]>> =
  {
    mailbox_full: ['mailbox_full', 'the mailbox at the relay is full'],
    too_large: ['too_large', 'the relay does not take messages of this size'],
    expired: ['expired', 'the message has expired'],
    rate_limited: ['rate_limited', 'the relay asks for fewer requests'],
    stale_record: ['stale_record', 'the relay has a newer record of this node'],
    bad_record: ['bad_record', 'the relay refused the record'],
  };

/** What the code of a reply means that is none of success. */
export function failureOf(code: string): RelayError {
  const failure = Object.hasOwn(REQUEST_FAILURES, code) ? REQUEST_FAILURES[code] : undefined;
  const [known, message] = failure ?? ['unavailable', 'the relay cannot do this now'];
  return new RelayError(known, message);
}
