// The main job of `oci-ts` on the images beside this script: `npm run demo` builds the command and runs this.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const project = fileURLToPath(new URL('..', import.meta.url))

const steps = [
  {
    says: 'An image for two platforms, laid open:',
    args: ['inspect', 'spec-fixtures/my-image'],
    status: 0,
  },
  {
    says: 'Every byte of it, proved:',
    args: ['verify', 'spec-fixtures/my-image'],
    status: 0,
  },
  {
    says: 'An image whose layers are elsewhere still tells where it comes from:',
    args: ['inspect', 'spec-fixtures/mysterious-image'],
    status: 0,
  },
  {
    says: 'And what is missing is called missing, not corrupt (so this one exits with 1):',
    args: ['verify', 'spec-fixtures/mysterious-image'],
    status: 1,
  },
]

for (const { says, args, status } of steps) {
  console.log(`\n# ${says}\n$ oci-ts ${args.join(' ')}\n`)
  const ran = spawnSync(process.execPath, ['dist/cli/main.js', ...args], { cwd: project, stdio: 'inherit' })
  if (ran.status !== status) {
    console.error(`\nThe demo expected exit code ${status}, but got ${ran.status}.`)
    process.exit(1)
  }
}
