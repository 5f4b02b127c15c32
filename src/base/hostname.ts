/** A node's chosen name: 1 to 63 of lowercase letters, digits and inner hyphens (pilotctl interface 1.5). */
export const HOSTNAME_PATTERN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

export function isHostname(text: string): boolean {
  return HOSTNAME_PATTERN.test(text);
}
