import { defineCommand } from '../command.ts';

export const configSchema = defineCommand({
  args: {},
  options: {},
  returns: 'the JSON Schema (2020-12)',
  async run() {
    const { configSchemaJson } = await import('../../home/config.ts');
    const schema = configSchemaJson();
    return { data: schema, text: JSON.stringify(schema, null, 2) };
  },
});
