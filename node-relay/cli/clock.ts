import { askRelay, dataDirOf } from './admin-client.ts'
import { type Command, DATA_DIR_FLAG, EXIT_OK } from './command.ts'

/** The last word on a clock that nobody else can vouch for: after a very long pause, or a step that no peer confirms. */
export const clockConfirm: Command = {
  name: 'clock confirm',
  parameters: '',
  summary: "tell the relay that this PC's date and time are right",
  flags: { 'data-dir': DATA_DIR_FLAG },
  positionals: [],
  async run(input, context) {
    await askRelay(dataDirOf(input, context), '/clock/confirm', 'POST')
    const now = new Date(context.now()).toISOString().slice(0, 19).replace('T', ' ')
    context.print(`The relay takes ${now} UTC for right, unless its chain or its peers say otherwise.`)
    return EXIT_OK
  },
}
