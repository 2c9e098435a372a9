export type { BlobWorker } from './blob-worker.ts'
export type { WorkersOption } from './workers.ts'
export { startWorkers } from './workers.ts'
