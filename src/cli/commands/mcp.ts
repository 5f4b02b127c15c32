import { defineCommand } from '../command.ts';
import { toggle } from '../option.ts';

export const mcp = defineCommand({
  args: {},
  options: {
    allowTrust: toggle('also offer pilot_approve and pilot_reject: the model may grant trust'),
  },
  returns: 'nothing; it speaks the model context protocol until its standard input ends',
  details:
    'For clients that run programs (stdio): command pilotctl, arguments mcp. The daemon need not run\nyet. Without --allow-trust the model may ask nodes for trust, but approves none that asks: that is\nup to the user, with pilotctl approve.',
  async run({ client, io, notice, options }) {
    // Its packages take longer to load than all that a small command does.
    const { serveStdio } = await import('../mcp/serve-stdio.ts');
    await serveStdio({ client, io, allowTrust: options.allowTrust, notice });
    return {};
  },
});
