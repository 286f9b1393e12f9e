import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { TlsFiles } from '../../src/index.ts'
import { createCertificate } from '../cli/certificate.ts'

/** A certificate in files, gone after the test. */
export function tlsFiles(): TlsFiles {
  const folder = mkdtempSync(join(tmpdir(), 'sidewire-tls-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { cert, key } = createCertificate()
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  writeFileSync(files.cert, cert)
  writeFileSync(files.key, key)
  return files
}
