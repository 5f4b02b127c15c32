import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';

import { configKeys, loadConfig } from '../../src/home/config.ts';

const INTRODUCTION = `# Configuration

A node reads \`\${PILOT_HOME:-$HOME}/.pilot/config.yaml\`, or the file named with \`--config\`. An option of
\`pilotctl daemon start\` comes before the environment, the environment before the file, the file before
the default. [examples/config.yaml](../examples/config.yaml) is such a file with every setting in it.

| command                         | does                                                                |
| ------------------------------- | ------------------------------------------------------------------- |
| \`pilotctl config validate\`      | checks the file; an error has its line, column and the nearest name |
| \`pilotctl config show --origin\` | what is in force, and whether a default, the file or else said so   |
| \`pilotctl config schema\`        | JSON Schema of the file, for editors                                |
| \`pilotctl config --set k=v\`     | changes one setting; comments in the file stay                      |

| variable          | sets                                                                       |
| ----------------- | -------------------------------------------------------------------------- |
| \`PILOT_RELAY\`     | \`protocol.connection.relays\`, separated by commas                          |
| \`PILOT_TOKEN\`     | \`protocol.connection.relay_token\`                                          |
| \`PILOT_HOSTNAME\`  | \`node.hostname\`                                                            |
| \`PILOT_NAT_TRAVERSAL\` | \`network.nat_traversal\` |
| \`PILOT_LOG_LEVEL\` | \`observability.logging.level\`                                              |
| \`PILOT_REGISTRY\`  | a relay at \`ws://host:port\`, where nothing else names one (older settings) |

A duration is written as \`30s\`, \`1m30s\`, \`12h\`, \`7d\`, or as a number of seconds. A file is one YAML document in
UTF-8 of at most 256 KiB, without references (\`*name\`); unknown keys and keys that stand twice are errors. The
path in \`relay_ca_file\` is seen from the folder of the file. A file that holds \`relay_token\` should be readable by its owner alone.

`;

function reference(): string {
  let text = INTRODUCTION;
  let section = '';
  for (const { key, type, default: value, description } of configKeys()) {
    const above = key.slice(0, key.lastIndexOf('.'));
    if (above !== section) text += `\n## ${above}\n\n| setting | default | what it is |\n|-|-|-|\n`;
    section = above;
    const shown = JSON.stringify(value).replaceAll(',', ', ');
    const what = `${description} Expected: ${type}.`;
    text += `| \`${key.slice(above.length + 1)}\` | \`${shown}\` | ${what} |\n`;
  }
  return text;
}

// Written anew with: npx vitest run test/home/config-docs.test.ts --update
test('docs/configuration.md is what the schema says', async () => {
  const file = 'docs/configuration.md';
  const options = { ...(await resolveConfig(file)), filepath: file };
  await expect(await format(reference(), options)).toMatchFileSnapshot(`../../${file}`);
});

test('examples/config.yaml has every setting, at its default but for a name and a relay', () => {
  const file = 'examples/config.yaml';
  const { config, origins } = loadConfig({ env: {}, file, defaultFile: '' });
  expect(new Set(origins.values())).toEqual(new Set(['file']));
  const expected = structuredClone(loadConfig({ env: {}, defaultFile: '' }).config);
  expected.node.hostname = 'alpha';
  expected.protocol.connection.relays = ['wss://relay.example.org'];
  expect(config).toEqual(expected);
});
