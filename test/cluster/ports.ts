import { createServer } from 'node:net'

const listen = (address: string): Promise<{ port: number; close(): Promise<void> }> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, address, () => {
      const bound = server.address()
      if (bound === null || typeof bound === 'string') return reject(new Error('no port bound'))
      const close = (): Promise<void> => new Promise(done => server.close(() => done()))
      resolve({ port: bound.port, close })
    })
  })

/** Ports that nobody listens on now; all are held until all are known, so they differ. */
export const freePorts = async (count: number, address = '127.0.0.1'): Promise<number[]> => {
  const held = await Promise.all(Array.from({ length: count }, () => listen(address)))
  await Promise.all(held.map(({ close }) => close()))
  return held.map(({ port }) => port)
}
