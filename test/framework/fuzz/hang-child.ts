/** A target that never ends on some inputs: the watchdog must end this process. */
import { runFuzz } from './run.ts'

await runFuzz({
  targets: [
    {
      name: 'hangs',
      share: 1,
      make: (random) => random.below(50),
      check(input) {
        while (input === 7);
      },
    },
  ],
  inputs: 1_000,
  seed: 1,
  limits: { hangMs: 500 },
})
