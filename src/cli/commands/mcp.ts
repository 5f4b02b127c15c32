import { defineCommand } from '../command.ts';
import { list, toggle } from '../option.ts';

export const mcp = defineCommand({
  args: {},
  options: {
    allowTrust: toggle('also offer pilot_approve and pilot_reject: the model may grant trust'),
    allowFiles: list('DIR', 'also offer pilot_send_file, for what is below this folder'),
  },
  returns: 'nothing; it speaks the model context protocol until its standard input ends',
  details:
    'For clients that run programs (stdio): command pilotctl, arguments mcp. The daemon need not run\nyet. Without --allow-trust the model may ask nodes for trust, but approves none that asks: that is\nup to the user, with pilotctl approve. It lists and reads received files, and sends none without\n--allow-files DIR, which may be given several times.',
  async run({ client, io, notice, options }) {
    // Its packages take longer to load than all that a small command does.
    const { serveStdio } = await import('../mcp/serve-stdio.ts');
    const { FileRoots } = await import('../mcp/file-roots.ts');
    const fileRoots = await FileRoots.of(options.allowFiles);
    await serveStdio({ client, io, allowTrust: options.allowTrust, fileRoots, notice });
    return {};
  },
});
