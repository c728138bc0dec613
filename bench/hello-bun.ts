// The smallest HTTP server on Bun, which bench/coldstart.ts compares the service with.
type Serve = (options: { hostname: string; port: number; fetch: () => Response }) => unknown
const { serve } = (globalThis as unknown as { Bun: { serve: Serve } }).Bun

serve({ hostname: '127.0.0.1', port: Number(process.env['PORT']), fetch: () => Response.json({ value: true }) })
