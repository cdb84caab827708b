#!/usr/bin/env node
/** `attune …`. */
import { keepCompiled } from './compile-cache.ts'

keepCompiled(process.env)
const { main } = await import('./program.ts')
await main(process.argv)
