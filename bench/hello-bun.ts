// The least that answers over HTTP on Bun, which bench/coldstart.ts starts beside the service.
type Serve = (options: { hostname: string; port: number; fetch: () => Response }) => unknown
const { serve } = (globalThis as unknown as { Bun: { serve: Serve } }).Bun

serve({ hostname: '127.0.0.1', port: Number(process.env['PORT']), fetch: () => Response.json({ value: true }) })
