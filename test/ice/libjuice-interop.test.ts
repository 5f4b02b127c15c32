/**
 * Our ICE agent against libjuice (in node-datachannel) over UDP on loopback. What libjuice does otherwise than we:
 *
 * - its fragments have 4 characters, so that USERNAME is padded; SOFTWARE is in every request and answer
 * - it nominates by a second check as soon as the first one is answered (regular nomination, RFC 8445, 8.1.1),
 *   whatever better pair is being checked
 * - when neither controls, it takes control whatever the tie-breakers say
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';

import { describe, expect, onTestFinished, test } from 'vitest';

import type { RandomBytes } from '../../src/base/random.ts';
import type { Candidate } from '../../src/ice/candidate.ts';
import type { IceCredentials, IceRole } from '../../src/ice/check-message.ts';
import { STEP_TIMEOUT_MS } from '../support/processes.ts';
import { LibjuicePeer } from './libjuice-peer.ts';
import { type Seen, UdpIceEnd } from './udp-ice-end.ts';

const LIMIT = { timeout: 2 * STEP_TIMEOUT_MS };
const ROLES = ['controlling', 'controlled'] as const;

interface Options {
  readonly ours: IceRole;
  /** Default: the other one. */
  readonly theirs?: IceRole;
  readonly random?: RandomBytes;
  /** Our sockets; candidates of earlier ones are preferred. */
  readonly bases?: readonly string[];
  /** Who is told the other's candidates; who is not learns them from checks. */
  readonly told?: 'both' | 'ours' | 'theirs';
  /** False loses it. */
  readonly passes?: (seen: Seen) => boolean;
}

interface Scene {
  readonly ours: UdpIceEnd;
  readonly peer: LibjuicePeer;
}

/** Looks again whenever either side has changed. */
async function until(what: string, { ours, peer }: Scene, holds: () => boolean): Promise<void> {
  const deadline = AbortSignal.timeout(STEP_TIMEOUT_MS);
  while (!holds()) {
    const looked = new AbortController();
    const signal = AbortSignal.any([deadline, looked.signal]);
    const changes = [ours, peer].map(async (side) => once(side, 'changed', { signal }));
    await Promise.race(changes).catch((cause: unknown) => {
      throw new Error(`not in time: ${what}`, { cause });
    });
    looked.abort();
  }
}

/** Both have each other's credentials and candidates; the checks are under way. */
async function meet(options: Options): Promise<Scene> {
  const { bases = ['v4'], passes, told = 'both' } = options;
  const peer = new LibjuicePeer();
  const ours = new UdpIceEnd(options.ours, options.random);
  onTestFinished(async () => {
    ours.close();
    await peer.stop();
  });
  if (passes !== undefined) ours.passes = passes;
  for (const base of bases) await ours.bind(base);
  const { credentials, candidate } = await describeBoth({ ours, peer }, options);
  expect(ours.agent.setRemote(credentials)).toBe(true);
  if (told !== 'ours') for (const local of ours.locals) peer.addCandidate(local);
  if (told !== 'theirs') expect(ours.agent.addRemote(candidate)).toBe(true);
  return { ours, peer };
}

/** Offer and answer; who offers controls. */
async function describeBoth(
  { ours, peer }: Scene,
  options: Options,
): Promise<{ credentials: IceCredentials; candidate: Candidate }> {
  const { theirs = options.ours === 'controlling' ? 'controlled' : 'controlling' } = options;
  peer.open(theirs === 'controlling' ? 'offer' : 'answer');
  if (theirs === 'controlled') peer.describe(ours.agent.credentials, 'offer');
  await until('libjuice tells where it is', { ours, peer }, () => peer.candidate !== undefined);
  if (theirs === 'controlling') peer.describe(ours.agent.credentials, 'answer');
  const { credentials, candidate } = peer;
  if (credentials === undefined || candidate === undefined) throw new Error('it said nothing');
  return { credentials, candidate };
}

/** Both have selected the pair of our socket `base`, and believed every message of the other. */
async function connected(scene: Scene, base = 'v4'): Promise<void> {
  const { ours, peer } = scene;
  const port = ours.locals.find((local) => local.base === base)?.endpoint.port;
  await until(
    'the same pair on both sides',
    scene,
    () =>
      peer.states.at(-1) === 'completed' &&
      ours.agent.selected?.base === base &&
      peer.selectedPort === port,
  );
  expect(ours.agent.selected?.remote.endpoint).toEqual(peer.candidate?.endpoint);
  expect(ours.failure).toBeUndefined();
  expect(ours.agent.report().inbound).toMatchObject({ wrongIntegrity: 0, dropped: 0 });
  expect(ours.router.dropped).toMatchObject({ malformed: 0, wrong_fingerprint: 0 });
}

/** A tie-breaker (8 bytes) that begins so is almost certainly larger, or smaller, than libjuice's. */
function tieBreaker(first: number): RandomBytes {
  return (length) => {
    const bytes = randomBytes(length);
    if (length === 8) bytes[0] = first;
    return bytes;
  };
}

describe('roles', () => {
  test.each(ROLES)('we are %s', LIMIT, async (role) => {
    const scene = await meet({ ours: role });
    await connected(scene);
    expect(scene.ours.agent.role).toBe(role);
    expect(scene.ours.agent.report().inbound.refused).toBe(0);
  });

  test.each([
    { first: 0xff, settled: 'controlling' },
    { first: 0x00, settled: 'controlled' },
  ])('both control: in the end we are $settled', LIMIT, async ({ first, settled }) => {
    const random = tieBreaker(first);
    const scene = await meet({ ours: 'controlling', theirs: 'controlling', random });
    await connected(scene);
    expect(scene.ours.agent.role).toBe(settled);
  });

  test.each([0xff, 0x00])('neither controls, our tie-breaker %i', LIMIT, async (first) => {
    const random = tieBreaker(first);
    await connected(await meet({ ours: 'controlled', theirs: 'controlled', random }));
  });
});

describe('nomination', () => {
  /** Loses `later` until `first` has come to the controlled side. */
  function inOrder(
    controlled: 'ours' | 'theirs',
    first: (seen: Seen) => boolean,
    later: (seen: Seen) => boolean,
  ): (seen: Seen) => boolean {
    const way = controlled === 'ours' ? 'in' : 'out';
    let hasCome = false;
    return (seen) => {
      if (seen.way !== way) return true;
      hasCome ||= first(seen);
      return hasCome || !later(seen);
    };
  }
  const isNomination = ({ message }: Seen): boolean => message.useCandidate;
  const isAnswer = ({ message }: Seen): boolean => message.class === 'success';

  test.each(['ours', 'theirs'] as const)(
    'after the controlled side has its own check answered (%s)',
    LIMIT,
    async (controlled) => {
      const passes = inOrder(controlled, isAnswer, isNomination);
      const ours = controlled === 'ours' ? 'controlled' : 'controlling';
      await connected(await meet({ ours, passes }));
    },
  );

  test.each(['ours', 'theirs'] as const)(
    'before it has, as aggressive nomination would (%s)',
    LIMIT,
    async (controlled) => {
      const passes = inOrder(controlled, isNomination, isAnswer);
      const ours = controlled === 'ours' ? 'controlled' : 'controlling';
      await connected(await meet({ ours, passes }));
    },
  );

  test('libjuice follows when we nominate a better pair later', LIMIT, async () => {
    let isBetterOpen = false;
    const scene = await meet({
      ours: 'controlling',
      bases: ['better', 'worse'],
      passes: ({ base }) => base === 'worse' || isBetterOpen,
    });
    await connected(scene, 'worse');
    isBetterOpen = true;
    await connected(scene, 'better');
    expect(scene.ours.selected.map(({ base }) => base)).toEqual(['worse', 'better']);
  });
});

describe('peer-reflexive candidates', () => {
  test.each(
    ROLES.flatMap((ours) => [{ ours, told: 'ours' } as const, { ours, told: 'theirs' } as const]),
  )('only $told side is told where the other is, we are $ours', LIMIT, async ({ ours, told }) => {
    const scene = await meet({ ours, told });
    await connected(scene);
    const kind = told === 'theirs' ? 'prflx' : 'host';
    expect(scene.ours.agent.selected?.remote.kind).toBe(kind);
  });
});

describe('consent', () => {
  test('libjuice gives it, and asks us for it', LIMIT, async () => {
    const scene = await meet({ ours: 'controlled' });
    await connected(scene);
    const { wire, agent } = scene.ours;
    const before = wire.length;
    const came = (kind: string): boolean =>
      wire.slice(before).some(({ way, message }) => way === 'in' && message.class === kind);
    agent.probeNow();
    await until('an answer', scene, () => came('success'));
    await until('a question', scene, () => came('request'));
    expect(scene.ours.lost).toBeUndefined();
  });

  test('it is lost when libjuice is gone', LIMIT, async () => {
    const scene = await meet({ ours: 'controlling' });
    await connected(scene);
    await scene.peer.stop();
    scene.ours.agent.probeNow();
    await until('the loss', scene, () => scene.ours.lost !== undefined);
    expect(scene.ours.lost).toMatchObject({ state: 'lost' });
  });
});
