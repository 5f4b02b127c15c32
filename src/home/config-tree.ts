/** A tree of settings as a file has it, by dotted keys. */
export type ConfigTree = Readonly<Record<string, unknown>>;

/** The value below a path, undefined when there is none. */
export function valueAt(tree: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((below, step) => {
    if (typeof below !== 'object' || below === null || !Object.hasOwn(below, step))
      return undefined;
    return (below as Record<string | number, unknown>)[step];
  }, tree);
}

/** The tree with one value set; the given tree stays as it was. */
export function withValue(tree: ConfigTree, key: string, value: unknown): ConfigTree {
  const [name = '', ...rest] = key.split('.');
  if (rest.length === 0) return { ...tree, [name]: value };
  const below = (valueAt(tree, [name]) ?? {}) as ConfigTree;
  return { ...tree, [name]: withValue(below, rest.join('.'), value) };
}
