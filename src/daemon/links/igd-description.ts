/**
 * What a gateway says of itself (UPnP Device Architecture 2.0, 2.3), as far as it takes to map ports. Devices nest,
 * the services stand two devices deep:
 *
 *     <service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType> …
 *              <controlURL>/ctl/IPConn</controlURL> …</service>
 *
 * Gateways write XML of every quality, so elements are looked for by name, wherever they stand; namespace prefixes and
 * attributes do not count.
 */

/** Where actions are sent to. */
export interface IgdService {
  readonly type: string;
  readonly control: URL;
}

/** The newest first; PPP where the line is one, mostly beside a WANIPConnection that is not connected. */
const SERVICE_TYPES = ['WANIPConnection:2', 'WANIPConnection:1', 'WANPPPConnection:1'].map(
  (name) => `urn:schemas-upnp-org:service:${name}`,
);

/** Those of the gateway's services that map ports, the newest first; none that would have us ask another host. */
export function igdServices(description: string, location: URL): readonly IgdService[] {
  const base = urlAt(elementText(description, 'URLBase') ?? '', location) ?? location;
  const services = elements(description, 'service').flatMap((service) => {
    const control = urlAt(elementText(service, 'controlURL') ?? '', base);
    if (control === undefined) return [];
    return [{ type: elementText(service, 'serviceType') ?? '', control }];
  });
  return SERVICE_TYPES.flatMap((type) => services.filter((service) => service.type === type));
}

/** The text in the first element of that name; undefined when there is none. */
export function elementText(xml: string, name: string): string | undefined {
  const [first] = elements(xml, name);
  return first === undefined ? undefined : unescapeXml(first.trim());
}

/** What stands in the elements of that name, which do not nest. In one pass: the text is a stranger's. */
function elements(xml: string, name: string): string[] {
  const tags = new RegExp(`<(/?)(?:[\\w.-]{1,40}:)?${name}(?:\\s[^<>]*)?>`, 'g');
  const found: string[] = [];
  let start: number | undefined;
  for (const { 0: tag, 1: slash, index } of xml.matchAll(tags)) {
    if (slash === '') start = index + tag.length;
    else if (start !== undefined) {
      found.push(xml.slice(start, index));
      start = undefined;
    }
  }
  return found;
}

function urlAt(text: string, base: URL): URL | undefined {
  if (text === '' || !URL.canParse(text, base.href)) return undefined;
  const url = new URL(text, base);
  return url.protocol === 'http:' && url.hostname === base.hostname ? url : undefined;
}

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ '&lt;': '<', '&gt;': '>', '&quot;': '"', '&apos;': "'", '&amp;': '&' },
};

function unescapeXml(text: string): string {
  return text.replace(/&(?:lt|gt|quot|apos|amp);/g, (entity) => ENTITIES[entity] ?? entity);
}
