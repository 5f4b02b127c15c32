/** What happens to the paths of peers: into the log, the counters and the events. */
import type { Emitter } from '../../base/events.ts';
import type { EventMap, NodeNames } from '../../client/api.ts';
import type { Log } from '../log/log.ts';
import type { PathAlarm } from '../paths/path-alarms.ts';
import type { PathFailure } from '../paths/path-finder.ts';
import type { CurrentPath } from '../paths/peer-paths.ts';
import type { Peer } from '../peers/peer.ts';
import { PathCounters } from './path-counters.ts';
import { pathChangeView, pathFailureView } from './path-views.ts';

export interface PathNewsDeps {
  readonly log: Log;
  readonly events: Emitter<EventMap>;
  readonly namesOf: (peer: string) => NodeNames;
  readonly peer: (key: string) => Peer | undefined;
}

export class PathNews {
  readonly counters = new PathCounters();
  readonly #deps: PathNewsDeps;

  constructor(deps: PathNewsDeps) {
    this.#deps = deps;
  }

  changed(key: string, path: CurrentPath | undefined, before: CurrentPath | undefined): void {
    const { events, log, namesOf } = this.#deps;
    const peer = this.#deps.peer(key);
    // Without a session a relay is only a way there might be; the end of a direct path is always told.
    if (peer?.session.state !== 'open' && !isDirect(path) && !isDirect(before)) return;
    this.counters.changed(path?.kind);
    const view = pathChangeView(peer, path, before);
    log.debug({ peer: namesOf(key).id, ...view }, 'path changed');
    const name = isDirect(path) && !isDirect(before) ? 'path.opened' : 'path.changed';
    if (events.isHeard(name)) events.emit(name, { ...namesOf(key), ...view });
  }

  failed(key: string, failure: PathFailure): void {
    const { events, log, namesOf } = this.#deps;
    this.counters.failed(failure);
    const { code, text, wasUp, report } = failure;
    const fields = { peer: namesOf(key).id, code, reason: text };
    log.debug({ ...fields, report }, 'what was tried');
    log.info(fields, wasUp ? 'direct path lost' : 'no direct path');
    if (!events.isHeard('path.failed')) return;
    const alarms = this.#deps.peer(key)?.paths.alarms ?? [];
    const isAlarm = alarms.some(({ kind }) => kind === 'no_direct_path');
    events.emit('path.failed', { ...namesOf(key), ...pathFailureView(failure, isAlarm) });
  }

  /** Once for each that is raised, and once when it is over. */
  alarm(key: string, { kind, isRaised, text }: PathAlarm): void {
    const { events, log, namesOf } = this.#deps;
    const names = namesOf(key);
    const fields = { peer: names.id, alarm: kind, reason: text };
    if (isRaised) log.warn(fields, 'path alarm');
    else log.info(fields, 'path alarm is over');
    events.emit('path.alarm', { ...names, alarm: kind, text, raised: isRaised });
  }
}

function isDirect(path: CurrentPath | undefined): boolean {
  return path !== undefined && path.kind !== 'relay';
}
