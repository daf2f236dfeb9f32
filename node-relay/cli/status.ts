import type { AdminStatus } from '../http/admin-socket.ts'
import { askRelay, dataDirOf } from './admin-client.ts'
import { type Command, DATA_DIR_FLAG, EXIT_OK, JSON_FLAG } from './command.ts'
import { describeStatus } from './status-words.ts'
import { formatJson } from './text.ts'

export const status: Command = {
  name: 'status',
  parameters: '',
  summary: 'what the running relay does',
  flags: { 'data-dir': DATA_DIR_FLAG, json: JSON_FLAG },
  positionals: [],
  async run(input, context) {
    const answer = await askRelay<AdminStatus>(dataDirOf(input, context), '/status')
    context.print(input.values['json'] === true ? formatJson(answer) : describeStatus(answer, context.now()))
    return EXIT_OK
  },
}
