#!/usr/bin/env node
// Plain JavaScript: older Nodes cannot load TypeScript, and hand over to the Node that npm installed beside us.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const main = new URL('../src/main.ts', import.meta.url)

const handOver = () => {
  const installed = createRequire(import.meta.url).resolve('node/package.json')
  const node = join(dirname(installed), 'bin', 'node')
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', error => {
    process.stderr.write(
      `attune needs Node 22.18 or newer, and ${node} does not start: ${error.message}\n`,
    )
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGKILL' ? 137 : 1)
  })
}

if (process.features.typescript) await import(main.href)
else handOver()
