import { defineConfig, type ViteUserConfig } from 'vitest/config'

/**
 * What is checked on the portable path too: everything that hashes, inflates or reads tar on its way and does not
 * switch between the paths itself, attacks above all. No rule may hold on one path alone.
 */
const onBothPaths = [
  'test/both-paths.test.ts',
  'test/digest/{digest,identity,verify}.test.ts',
  'test/security/**/*.test.ts',
  'test/store/**/*.test.ts',
  'test/layer/**/*.test.ts',
  'test/filesystem/**/*.test.ts',
  'test/transfer/**/*.test.ts',
]

/** Their work is done by other processes, which are told nothing of this. */
const inOtherProcesses = [
  'test/store/killed.test.ts',
  'test/store/lock-file.test.ts',
  'test/filesystem/unpack-killed.test.ts',
]

const config: ViteUserConfig = defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 600_000,
    pool: 'forks',
    projects: [
      { extends: true, test: { name: 'accelerated', include: ['test/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'portable',
          include: onBothPaths,
          exclude: inOtherProcesses,
          setupFiles: ['test/portable-path.ts'],
        },
      },
    ],
  },
})

export default config
