import type { InboxLimits } from '../messages/inbox.ts';
import type { OutboxLimits } from '../messages/outbox.ts';
import type { SendLimits } from '../messages/send-request.ts';
import type { PathSettings } from '../paths/path-settings.ts';
import type { RetryPolicy } from '../peers/peer-deps.ts';
import type { TrustSettings } from '../trust/trust.ts';

export interface NodeSettings {
  readonly hostname: string;
  readonly trust: TrustSettings;
  readonly send: SendLimits;
  readonly retry: RetryPolicy;
  readonly inbox: InboxLimits;
  readonly outbox: OutboxLimits;
  readonly handshakeTimeoutMs: number;
  readonly paths: PathSettings;
}
