import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';

import { describeError, PilotError } from '../../base/pilot-error.ts';
import { defineCommand } from '../command.ts';
import { text } from '../option.ts';
import { passphraseFile, readPassphrase } from '../passphrase.ts';

export const identityExport = defineCommand({
  args: {},
  options: {
    out: text('FILE', 'where to write it (default: standard output)', { isFile: true }),
    passphraseFile,
  },
  returns: 'id, key_path, and out or export (the sealed identity)',
  details: 'Whoever has this file and the passphrase is this node. Run the node on one host only.',
  async run({ io, options, paths, wait }) {
    const [{ readKeyFile }, { exportIdentity }] = await Promise.all([
      import('../../home/key-file.ts'),
      import('../../identity/identity-export.ts'),
    ]);
    const { out } = options;
    if (out !== undefined && existsSync(out)) throw alreadyThere(out);
    const identity = readKeyFile(paths.keyFile);
    const passphrase = await readPassphrase(options.passphraseFile, io, { twice: true });
    const sealed = await wait('sealing', exportIdentity(identity, passphrase));
    identity.secret.erase();
    const about = { id: identity.nodeId, key_path: paths.keyFile };
    if (out === undefined)
      return { data: { ...about, export: JSON.parse(sealed) as object }, text: sealed };
    await writeNew(out, sealed);
    return { data: { ...about, out }, text: `${identity.nodeId} is sealed in ${out}` };
  },
});

async function writeNew(file: string, content: string): Promise<void> {
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(content.endsWith('\n') ? content : `${content}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw alreadyThere(file);
    throw new PilotError('invalid_argument', `cannot write ${file}: ${describeError(cause)}`, {
      hint: 'name another file with --out',
      cause,
    });
  }
}

function alreadyThere(file: string): PilotError {
  return new PilotError('already_exists', `there is a file ${file} already`, {
    hint: 'name another file with --out',
  });
}
