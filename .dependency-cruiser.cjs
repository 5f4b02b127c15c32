/** layer -> the layers it may import, and why nothing else. */
const layers = {
  base: { may: [], why: 'knows nothing of our protocol' },
  identity: { may: ['base'], why: 'keys, names and their proofs stand on their own' },
  session: { may: ['base', 'identity'], why: 'one peer: keys, frames, resume; over any link' },
  ice: {
    may: ['base'],
    why: 'finds a path between two endpoints; who they are is not its business',
  },
  relay: {
    may: ['base', 'identity', 'ice'],
    why: 'routes sealed bytes by public key; of ice it needs the STUN messages',
  },
  home: { may: ['base', 'identity'], why: 'the files of a host: key, settings, pid' },
  client: { may: ['base'], why: 'what programs import; knows the local API and nothing behind it' },
  daemon: {
    may: ['base', 'identity', 'session', 'ice', 'relay', 'home', 'client'],
    why: 'the only place that wires parts together; shares the shapes of the local API with client',
  },
  cli: {
    may: ['base', 'client', 'home', 'identity'],
    why: 'talks to a running daemon; without one it can read the files of the host',
  },
};

/** The folders of the daemon, lowest first: each may import those before it. What wires them lies beside them. */
const daemonFolders = [
  ...['names', 'log', 'store', 'links', 'paths', 'relays', 'messages', 'trust', 'peers'],
  ...['streams', 'node', 'netcheck', 'files', 'topics', 'services', 'tunnels', 'api'],
  'pilot-ipc',
];

const oneOf = (names) => `^src/(${names.join('|')})/`;

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'also for type-only imports',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-test-code-in-src',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^test/' },
    },
    {
      name: 'no-dev-dependency-in-src',
      severity: 'error',
      comment: 'cli/mcp: pilotctl is bundled whole, and the packages of its protocol are large',
      from: { path: '^src/', pathNot: '^src/cli/mcp/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'protocol-code-does-no-io',
      severity: 'error',
      comment: 'sockets, files and timers come in through the constructor',
      from: { path: oneOf(['base', 'identity', 'session', 'ice']) },
      to: {
        dependencyTypes: ['core'],
        path: '^(node:)?(dgram|net|tls|http|https|fs|timers|child_process)(/|$)',
      },
    },
    ...daemonFolders.map((name, at) => ({
      name: `daemon-${name}`,
      severity: 'error',
      comment: 'folders of the daemon import downwards; daemonFolders is their order',
      from: { path: `^src/daemon/${name}/` },
      to: {
        path: '^src/daemon/',
        pathNot: `^src/daemon/(${daemonFolders.slice(0, at + 1).join('|')})/`,
      },
    })),
    ...Object.entries(layers).map(([name, { may, why }]) => ({
      name: `layer-${name}`,
      severity: 'error',
      comment: why,
      from: { path: oneOf([name]) },
      to: { path: '^src/', pathNot: oneOf([name, ...may]) },
    })),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node'],
    },
  },
};
