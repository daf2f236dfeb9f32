import { announceName } from '../../../node-relay/mdns/announce.ts'

// Run in a network namespace of its own: announces a name until standard input ends.
const announcement = await announceName({
  name: process.argv[2] ?? 'lares',
  listen: ['0.0.0.0', '::'],
  now: () => performance.now(),
  after(delay, task) {
    const timer = setTimeout(task, delay)
    return () => clearTimeout(timer)
  },
  log: () => {},
})
process.stdout.write(`${JSON.stringify({ name: announcement.name, problem: announcement.problem })}\n`)
process.stdin.resume().on('end', () => {
  void announcement.stop()
})
