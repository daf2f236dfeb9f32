import { scrypt } from 'node:crypto'
import { PUZZLE_SCRYPT, type Scrypt } from '../../shared/admission/puzzle.ts'

/** What Node may take for one try, which needs 16 MiB and some; bytes. */
const SCRYPT_MEMORY = 64 * 1024 * 1024

/** On a thread of Node's pool: the event loop goes on. */
export const nodeScrypt: Scrypt = (password, salt) =>
  new Promise((resolve, reject) => {
    const { dkLen, ...cost } = PUZZLE_SCRYPT
    scrypt(password, salt, dkLen, { ...cost, maxmem: SCRYPT_MEMORY }, (error, output) => {
      if (error === null) resolve(output)
      else reject(error)
    })
  })
