/** A worker that runs the suite on the archive that is posted to it, and answers with the report. */
import { runSuite } from '../suite.ts'

const worker: { fetch: (request: Request) => Promise<Response> } = {
  async fetch(request) {
    const archive = new Uint8Array(await request.arrayBuffer())
    return Response.json(await runSuite('workerd', { archive }))
  },
}

export default worker
