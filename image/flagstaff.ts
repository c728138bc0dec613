// The one program of an image: alone it is the service, with "admin <command>" an operator's command, with "operator" that of Kubernetes.
const [, , word] = process.argv

if (word === undefined) {
  await import('../src/server/signals.ts') // before the rest is loaded: as process 1 it would lose a signal without a listener
  await import('../src/main.ts')
} else if (word === 'admin') {
  process.argv.splice(2, 1) // admin.ts reads what comes after its own name
  await import('../src/cli.ts')
} else if (word === 'operator') {
  process.argv.splice(2, 1)
  await import('../src/server/signals.ts')
  await import('../src/operator.ts')
} else {
  process.stderr.write(`Cannot start: expected no argument, "admin <command>" or "operator", got "${word}"\n`)
  process.exitCode = 1
}
