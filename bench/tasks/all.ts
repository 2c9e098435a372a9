/** The tasks, in the order of the table. */
import type { Programs } from '../peers/find.ts'
import type { Task } from '../task.ts'
import { dockerArchive } from './docker-archive.ts'
import { listManyEntries } from './many-entries.ts'
import { packBinaries, packSmallFiles } from './pack.ts'
import { repack } from './repack.ts'
import { scanLayers, scanPortably, verifyCommand } from './scan.ts'
import { unpack } from './unpack.ts'
import { copyLayout, verifyBlobs } from './verify.ts'

/** All tasks. */
export function allTasks(programs: Programs): readonly Task[] {
  const tasks = [verifyBlobs, copyLayout, scanLayers, verifyCommand, unpack, packSmallFiles, packBinaries]
  return [...tasks, dockerArchive, repack, scanPortably, listManyEntries].map((task) => task(programs))
}
