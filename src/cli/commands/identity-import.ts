import { createReadStream, existsSync } from 'node:fs';

import { describeError, PilotError } from '../../base/pilot-error.ts';
import { defineCommand, required } from '../command.ts';
import { type Io, readAll } from '../io.ts';
import { passphraseFile, readPassphrase } from '../passphrase.ts';

/** Several times what a full key chain takes. */
const MAX_EXPORT_BYTES = 256 * 1024;

export const identityImport = defineCommand({
  args: { file: required('an exported identity; - reads standard input') },
  options: { passphraseFile },
  returns: 'id, key_path, created',
  details: 'Never replaces a key: a home that has one is refused.',
  async run({ args, client, io, options, paths, signal, wait }) {
    const [{ createKeyFile }, { importIdentity }] = await Promise.all([
      import('../../home/key-file.ts'),
      import('../../identity/identity-export.ts'),
    ]);
    await refuseRunning(client.info({ signal }));
    if (existsSync(paths.keyFile)) throw hasKey(paths.keyFile);
    const sealed = await readExport(args.file, io);
    const passphrase = await readPassphrase(options.passphraseFile, io, { twice: false });
    const identity = await wait('opening', importIdentity(sealed, passphrase));
    paths.ensureRoot();
    if (!createKeyFile(paths.keyFile, identity)) throw hasKey(paths.keyFile);
    identity.secret.erase();
    const created = new Date(identity.createdAtMs).toISOString();
    const data = { id: identity.nodeId, key_path: paths.keyFile, created };
    return { data, text: `this home is now ${identity.nodeId}` };
  },
});

function hasKey(keyFile: string): PilotError {
  return new PilotError('already_exists', `this home has a key already: ${keyFile}`, {
    hint: 'move it away first, or set PILOT_HOME to another home',
  });
}

/** A running daemon holds its key in memory: it would go on under the old one. */
async function refuseRunning(info: Promise<{ readonly pid: number }>): Promise<void> {
  try {
    const { pid } = await info;
    throw new PilotError('conflict', `a daemon runs in this home (process ${pid})`, {
      hint: 'stop it first: pilotctl daemon stop',
    });
  } catch (error) {
    if (!(error instanceof PilotError) || error.code !== 'not_running') throw error;
  }
}

async function readExport(file: string, { signal, stdin }: Io): Promise<string> {
  const limits = { maxBytes: MAX_EXPORT_BYTES, signal };
  try {
    const bytes =
      file === '-'
        ? await readAll(stdin, { ...limits, what: 'standard input' })
        : await readAll(createReadStream(file), { ...limits, what: file });
    return new TextDecoder().decode(bytes);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PilotError) throw error;
    throw new PilotError('not_found', `cannot read ${file}: ${describeError(error)}`, {
      hint: 'pilotctl identity export writes such a file',
      cause: error,
    });
  }
}
