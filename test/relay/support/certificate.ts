import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { temporaryDirectory } from './temporary-directory.ts';

export interface TestCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** A certificate for 127.0.0.1 and localhost that signs itself. */
export function selfSigned(): TestCertificate {
  const directory = temporaryDirectory();
  const certFile = path.join(directory, 'cert.pem');
  const keyFile = path.join(directory, 'key.pem');
  const subject = [
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=DNS:localhost,IP:127.0.0.1',
  ];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const files = ['-keyout', keyFile, '-out', certFile];
  execFileSync('openssl', ['req', '-x509', ...key, '-days', '2', ...subject, ...files], {
    stdio: 'ignore',
  });
  const read = (file: string): string => readFileSync(file, 'utf8');
  return { certFile, keyFile, cert: read(certFile), key: read(keyFile) };
}
