import * as z from 'zod';

import type {
  PathAlarm,
  PathAlarmChange,
  PathChange,
  PathFailure,
  PathKind,
  PathReport,
  PreferDirect,
} from '../../client/api.ts';
import { schemaOf } from './api-schemas.ts';

/** Paths in what routes answer and events tell: see `api-replies.ts`. */

const text = z.string();
const count = z.int().min(0);
const kind = z.enum(['host', 'srflx', 'prflx']);
const candidate = z.object({ kind, endpoint: text });

export const path = schemaOf<PathKind>()(z.enum(['relay', 'direct', 'webrtc', '']));
export const rtt = z.number().min(0).nullable();

const pathReport = schemaOf<PathReport>()(
  z.object({
    state: text,
    role: z.enum(['controlling', 'controlled']),
    duration_ms: z.number().min(0),
    local: z.array(candidate),
    remote: z.array(candidate),
    refused: z.record(z.string(), count),
    pairs: z.array(
      z.object({
        base: text.describe('the local socket: v4, v6'),
        remote: text,
        kind,
        outcome: text.describe('selected, valid, no_answer, refused, …'),
        requests: count,
        answers: count,
        rtt_ms: rtt,
      }),
    ),
    inbound: z.object({
      requests: count,
      wrong_integrity: count,
      refused: count,
      dropped: count,
    }),
    punches: count.describe('checks toward addresses that were only guessed'),
  }),
);

export const pathChange = schemaOf<PathChange>()(
  z.object({
    path,
    endpoint: text,
    rtt_ms: rtt,
    reason: text.describe('why this one'),
    before: path,
  }),
);

export const pathFailure = schemaOf<PathFailure>()(
  z.object({
    code: text.describe('no_answer, consent_lost, …'),
    text,
    was_in_use: z.boolean(),
    alarm: z.boolean().describe('a direct path is required, and there is none'),
    report: pathReport,
  }),
);

const alarmMembers = {
  alarm: z.enum(['no_direct_path', 'slow_path']),
  text: text.describe('why'),
};

export const pathAlarm = schemaOf<PathAlarm>()(z.object(alarmMembers));

export const pathAlarmChange = schemaOf<PathAlarmChange>()(
  z.object({ ...alarmMembers, raised: z.boolean() }),
);

export const preferDirect = schemaOf<PreferDirect>()(
  z.object({
    path,
    endpoint: text,
    rtt_ms: rtt,
    why_not_direct: text.describe('empty when the path is direct'),
    had_tunnel: z.boolean().describe('there was a session before'),
    was_relay_active: z.boolean().describe('it went over a relay'),
  }),
);
