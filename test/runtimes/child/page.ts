/** Makes the suite callable from a browser's page: `runSuite(archive)`, with the archive's address. */
import type { Report } from '../check.ts'
import { runSuite } from '../suite.ts'

const page = globalThis as typeof globalThis & { runSuite?: (archive: string) => Promise<Report> }

page.runSuite = async (archive) => {
  const response = await fetch(archive)
  return runSuite(navigator.userAgent, { archive: new Uint8Array(await response.arrayBuffer()) })
}
