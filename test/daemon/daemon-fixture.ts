import { existsSync } from 'node:fs';

import { onTestFinished } from 'vitest';

import { Daemon, type DaemonOptions, type NodeDeps } from '../../src/daemon/daemon.ts';
import { HomePaths } from '../../src/home/home-paths.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { FakeNode } from './fake-node.ts';
import { lonelyTopics } from './topics/lonely-topics.ts';
import { noTunnels } from './tunnels/fake-tunnels.ts';

export interface Home {
  readonly env: NodeJS.ProcessEnv;
  readonly paths: HomePaths;
  readonly clock: ManualClock;
  readonly log: string[];
  /** What happened to the nodes, in order. */
  readonly history: string[];
  readonly opened: NodeDeps[];
  readonly daemon: (options?: Partial<DaemonOptions>) => Daemon;
  readonly lines: () => (Record<string, unknown> & { readonly msg: string })[];
}

/** A home with fake nodes; its daemons are stopped when the test is over. */
export function newHome(): Home {
  const env = { PILOT_HOME: temporaryFolder(), PILOT_NAT_TRAVERSAL: 'off' };
  const paths = HomePaths.of(env);
  const clock = new ManualClock();
  const random = seededRandom(7);
  const log: string[] = [];
  const history: string[] = [];
  const opened: NodeDeps[] = [];
  const openNode: DaemonOptions['openNode'] = async (deps) => {
    opened.push(deps);
    history.push('opened');
    const api = new FakeNode();
    return Promise.resolve({
      ...{ api, netcheck: api.netcheck, received: api.received },
      ...{ topics: lonelyTopics(), tunnels: noTunnels },
      onWake: () => history.push('woken'),
      onKeyRotated: () => history.push('key rotated'),
      stop: async () => {
        history.push(existsSync(paths.socket) ? 'stopped before the API' : 'stopped');
        return Promise.resolve();
      },
    });
  };
  const daemon = (options: Partial<DaemonOptions> = {}): Daemon => {
    const made = new Daemon({
      ...{ env, clock, random, openNode, flags: {} },
      sink: { write: (line) => log.push(line) },
      rotateLog: () => false,
      ...options,
    });
    onTestFinished(async () => made.stop());
    return made;
  };
  const lines: Home['lines'] = () =>
    log.map((line) => JSON.parse(line) as Record<string, unknown> & { msg: string });
  return { env, paths, clock, log, history, opened, daemon, lines };
}
