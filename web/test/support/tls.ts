// A certificate for loopback that vouches for itself: what bots' libraries, which dial TLS alone, are told to trust.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Certificate {
  /** Paths of the files. */
  cert: string;
  key: string;
  /** The server's settings that name them. */
  settings: Record<string, string>;
  remove: () => Promise<void>;
}

export async function makeCertificate(): Promise<Certificate> {
  const directory = await mkdtemp(join(tmpdir(), 'hearth-tls-'));
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  const words =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -addext subjectAltName=IP:127.0.0.1';
  await promisify(execFile)('openssl', [
    ...words.split(' '),
    '-subj',
    '/CN=Hearth tests',
    '-keyout',
    key,
    '-out',
    cert,
  ]);
  return {
    cert,
    key,
    settings: { HEARTH_TLS_CERT: cert, HEARTH_TLS_KEY: key },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
