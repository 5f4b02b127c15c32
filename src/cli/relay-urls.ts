import { PilotError } from '../base/pilot-error.ts';

/** The relays that were named; a registry, `host:port`, counts as one where no relay is named. */
export async function relayUrls(
  relays: readonly string[],
  registry: string | undefined,
): Promise<readonly string[]> {
  if (relays.length > 0 || registry === undefined) return relays;
  const { relayUrlOfEndpoint } = await import('../home/config-relay-url.ts');
  const url = relayUrlOfEndpoint(registry);
  if (url !== undefined) return [url];
  throw new PilotError('invalid_argument', `--registry: expected host:port, found "${registry}"`, {
    hint: 'name the relay with --relay ws://host:port',
  });
}
