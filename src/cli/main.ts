#!/usr/bin/env node
/** The program `oci-ts`: the command line in the surroundings of this process. */
import process from 'node:process'
import { main } from './command-line.ts'
import { createContext } from './context.ts'
import { watchForInterruption } from './interruption.ts'

const { stdout, stderr, env } = process
// The bundle's stacks then name the sources, of all that is loaded from here on. Not every runtime has the call.
if (env.OCI_TS_DEBUG === '1') process.setSourceMapsEnabled?.(true)
const signal = watchForInterruption(process)
process.exitCode = await main(process.argv.slice(2), createContext({ stdout, stderr, env, signal }))
