/**
 * Requests to a gateway by UPnP: its description, and actions of its services (UPnP Device Architecture 2.0, 3.1):
 *
 *     POST /ctl/IPConn, SOAPACTION: "TYPE#ACTION"     <u:ACTION xmlns:u="TYPE"> <Name>value</Name> … </u:ACTION>
 *     200                                             <u:ACTIONResponse …> <Name>value</Name> … </u:ACTIONResponse>
 *     500                                             <errorCode>718</errorCode><errorDescription>…</errorDescription>
 */
import { elementText, type IgdService } from './igd-description.ts';

/** Descriptions of real gateways have 2 to 20 KB. */
const MAX_BODY_BYTES = 256 * 1024;

/** The gateway refuses; the codes are those of WANIPConnection, 2.4 of its specification. */
export class IgdRefusal extends Error {
  readonly code: number;

  constructor(code: number, description: string) {
    super(`the gateway refuses with UPnP code ${code}${description && `: ${description}`}`);
    this.code = code;
  }
}

export type IgdArguments = Readonly<Record<string, string | number>>;

/** The answer, for `elementText`. Values are numbers, addresses and words of ours: nothing to escape. */
export async function runIgdAction(
  { type, control }: IgdService,
  [action, args]: readonly [action: string, args: IgdArguments],
  signal: AbortSignal,
): Promise<string> {
  const members = Object.entries(args).map(([name, value]) => `<${name}>${value}</${name}>`);
  const { isOk, status, text } = await request(control, {
    method: 'POST',
    headers: { 'Content-Type': 'text/xml; charset="utf-8"', SOAPAction: `"${type}#${action}"` },
    body:
      '<?xml version="1.0"?>\r\n' +
      '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">' +
      `<s:Body><u:${action} xmlns:u="${type}">${members.join('')}</u:${action}></s:Body></s:Envelope>\r\n`,
    signal,
  });
  if (isOk) return text;
  const code = Number(elementText(text, 'errorCode') ?? status);
  throw new IgdRefusal(code, elementText(text, 'errorDescription') ?? '');
}

export async function fetchIgdDescription(location: URL, signal: AbortSignal): Promise<string> {
  const { isOk, status, text } = await request(location, { signal });
  if (!isOk) throw new Error(`the gateway answers ${status} instead of its description`);
  return text;
}

async function request(
  url: URL,
  init: RequestInit,
): Promise<{ readonly isOk: boolean; readonly status: number; readonly text: string }> {
  // A redirect could lead to anywhere.
  const response = await fetch(url, { ...init, redirect: 'error' });
  const decoder = new TextDecoder();
  let [text, left] = ['', MAX_BODY_BYTES];
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    left -= chunk.length;
    if (left < 0) throw new Error(`the gateway answers with more than ${MAX_BODY_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return { isOk: response.ok, status: response.status, text };
}
