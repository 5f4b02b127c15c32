import type { NetcheckProxy } from '../../client/api.ts';

/** By which programs are told of a proxy, in upper or lower case. */
const VARIABLES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'];

/** The HTTP proxies that an environment names, without what they ask for to let somebody in. */
export function proxiesIn(env: Readonly<Record<string, string | undefined>>): NetcheckProxy[] {
  return VARIABLES.flatMap((name) => [name, name.toLowerCase()]).flatMap((variable) => {
    const value = env[variable]?.trim() ?? '';
    return value === '' ? [] : [{ variable, proxy: withoutCredentials(value) }];
  });
}

function withoutCredentials(text: string): string {
  const withScheme = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(withScheme)) return 'not a URL';
  const { protocol, host } = new URL(withScheme);
  return `${protocol}//${host}`;
}
