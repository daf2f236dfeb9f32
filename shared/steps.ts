/**
 * Long work in short steps: whoever runs it decides after each whether to go on at once, or to let others run first. Most
 * steps yield nothing; some hand out what is ready so far.
 */
export type Steps<Result, Part = undefined> = Generator<Part, Result, undefined>

/** All of it at once. */
export function runSteps<Result>(steps: Steps<Result, unknown>): Result {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}
