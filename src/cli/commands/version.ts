import { VERSION } from '../../base/version.ts';
import { defineCommand } from '../command.ts';

export const version = defineCommand({
  args: {},
  options: {},
  returns: 'version',
  run: async () => Promise.resolve({ data: { version: VERSION }, text: `pilotctl ${VERSION}` }),
});
