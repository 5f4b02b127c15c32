import { PilotError } from '../../base/pilot-error.ts';
import type { IdentityView } from '../../client/client.ts';
import { defineCommand } from '../command.ts';

export const identityShow = defineCommand({
  args: {},
  options: {},
  returns: 'id, address, node_id, public_key, created, key_path, hostname, rotations',
  details:
    'Prints the Node ID alone. Without a daemon it is read from the key file; the address is then the\none that the node asks for first.',
  async run({ client, paths, signal }) {
    const data = await client.identity({ signal }).catch(async (error: unknown) => {
      if (!(error instanceof PilotError) || error.code !== 'not_running') throw error;
      return identityOf(paths.keyFile);
    });
    return { data, text: data.id };
  },
});

async function identityOf(keyFile: string): Promise<IdentityView> {
  const [{ readKeyFile }, { formatAddress, nextNodeNumber }] = await Promise.all([
    import('../../home/key-file.ts'),
    import('../../identity/address.ts'),
  ]);
  const identity = readKeyFile(keyFile);
  identity.secret.erase();
  const node = nextNodeNumber(identity.firstKey)?.node ?? 0;
  return {
    id: identity.nodeId,
    node_id: node,
    address: formatAddress({ network: 0, node }),
    hostname: '',
    public_key: Buffer.from(identity.currentKey).toString('base64'),
    created: new Date(identity.createdAtMs).toISOString(),
    key_path: keyFile,
    rotations: identity.chain.length,
  };
}
