/** Tests of a NAT that need a server with two addresses (RFC 5780, 4.4), or only ourselves. */
import { toHex, utf8 } from '../base/bytes.ts';
import type { Cancel } from '../base/clock.ts';
import type { Endpoint } from '../base/endpoint.ts';
import type { RandomBytes } from '../base/random.ts';
import type { NatBehaviour } from './nat-behaviour.ts';
import { type ChangeRequest, encodeChangeRequest } from './stun-discovery.ts';
import { appendAttribute, USERNAME } from './stun-frame.ts';
import { appendFingerprint } from './stun-integrity.ts';
import { encodeBindingRequest } from './stun-message.ts';
import { type StunTimers, StunTransaction, type StunTransactionDeps } from './stun-transaction.ts';

export interface NatTestDeps extends StunTransactionDeps {
  readonly random: RandomBytes;
}

/** Silence is a result here: sent at 0, 300 and 900 ms, over at 1,500 ms. */
const FILTER_TIMERS: StunTimers = { rtoMs: 300, maxRequests: 3, lastWaitFactor: 2 };
/** When the packet to ourselves goes out. */
const HAIRPIN_SENDS_MS = [0, 200, 600];
const HAIRPIN_WAIT_MS = 1_000;
const TRANSACTION_ID_BYTES = 12;

export interface FilterTest {
  readonly base: string;
  readonly server: Endpoint;
  /** Its OTHER-ADDRESS; nothing may have been sent to that host, nor to that port of the server. */
  readonly other: Endpoint;
}

/** Asks for answers from other places of the server; both at once, as neither opens the NAT for the other. */
export function testFiltering(
  deps: NatTestDeps,
  { base, server, other }: FilterTest,
  done: (filtering: NatBehaviour) => void,
): Cancel {
  const transactions: StunTransaction[] = [];
  const heard: { address?: boolean; port?: boolean } = {};
  const cancel = (): void => {
    for (const transaction of transactions) transaction.cancel();
  };
  const settle = (change: keyof typeof heard, isHeard: boolean): void => {
    heard[change] = isHeard;
    if (heard.address === true) {
      cancel();
      done('endpoint-independent');
    } else if (heard.address === false && heard.port !== undefined) {
      done(heard.port ? 'address-dependent' : 'address-and-port-dependent');
    }
  };
  const ask = (what: keyof typeof heard, change: ChangeRequest, answerFrom: Endpoint): void => {
    const transactionId = deps.random(TRANSACTION_ID_BYTES);
    const bytes = encodeChangeRequest(transactionId, change);
    const request = { transactionId, bytes, base, to: server, answerFrom, timers: FILTER_TIMERS };
    const transaction = new StunTransaction(deps, request, {
      answered: () => {
        settle(what, true);
      },
      timedOut: () => {
        settle(what, false);
      },
    });
    transactions.push(transaction);
  };
  ask('address', { address: true, port: true }, other);
  ask('port', { address: false, port: true }, { host: server.host, port: other.port });
  return cancel;
}

/** Sends to our own outer endpoint; a NAT that hairpins brings it back to `base`. */
export function testHairpin(
  deps: NatTestDeps,
  { base, mapped }: { readonly base: string; readonly mapped: Endpoint },
  done: (hairpin: boolean) => void,
): Cancel {
  const ufrag = toHex(deps.random(TRANSACTION_ID_BYTES));
  const request = encodeBindingRequest(deps.random(TRANSACTION_ID_BYTES));
  const bytes = appendFingerprint(appendAttribute(request, USERNAME, utf8(`${ufrag}:${ufrag}`)));
  const cancels: Cancel[] = [];
  const cancel = (): void => {
    for (const each of cancels) each();
  };
  const finish = (hairpin: boolean): void => {
    cancel();
    done(hairpin);
  };
  cancels.push(
    deps.router.register(ufrag, () => {
      finish(true);
    }),
    deps.clock.after(HAIRPIN_WAIT_MS, () => {
      finish(false);
    }),
    ...HAIRPIN_SENDS_MS.map((ms) =>
      deps.clock.after(ms, () => {
        deps.send(bytes, base, mapped);
      }),
    ),
  );
  return cancel;
}
