import { createServer } from 'node:net'

const listen = (
  address: string,
  wanted: number,
): Promise<{ port: number; close(): Promise<void> }> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(wanted, address, () => {
      const bound = server.address()
      if (bound === null || typeof bound === 'string') return reject(new Error('no port bound'))
      const close = (): Promise<void> => new Promise(done => server.close(() => done()))
      resolve({ port: bound.port, close })
    })
  })

/** Below Linux's ephemeral ports (32768 on): while a server restarts, no client can be given its port. */
const FIRST = 20_000
const LAST = 32_000
const TRIES = 100

const listenAnywhere = async (address: string) => {
  for (let tries = 1; ; tries++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
    try {
      return await listen(address, port)
    } catch (error) {
      if (tries === TRIES) throw error
    }
  }
}

/** Ports that nobody listens on now; all are held until all are known, so they differ. */
export const freePorts = async (count: number, address = '127.0.0.1'): Promise<number[]> => {
  const held = await Promise.all(Array.from({ length: count }, () => listenAnywhere(address)))
  await Promise.all(held.map(({ close }) => close()))
  return held.map(({ port }) => port)
}
