#!/usr/bin/env node
/** `attune …`. */
import { main } from './program.ts'

await main(process.argv)
