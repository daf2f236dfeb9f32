/** Every sentence that the worker says to a person. What happened, then what to do. */
import type { Failure } from '../worker/api.ts'

export function failure(code: string, sentence: string): Failure {
  return { ok: false, code, sentence }
}

// ------------------------------------------------------------------------------------------------- obstacles, networks

export const NO_STORAGE = failure(
  'no-storage',
  'This window may not store anything, so it could not keep an identity: open the page in a normal window instead of a private one.',
)
export const NO_ED25519 = failure(
  'no-ed25519',
  'This browser has no safe place for an identity (Ed25519 keys): update it, or use a current Chrome, Edge, Firefox or Safari.',
)
export const NOT_OPEN = failure('not-open', 'The page is still starting: try again in a moment.')
export const NO_NETWORK = failure('no-network', 'No network is open: add one with its join link first.')
export const LABEL_UNKNOWN = failure(
  'label-unknown',
  'No server has proven the rules of this network yet: try again when this page follows the chain.',
)
export const UNKNOWN_NETWORK = failure(
  'unknown-network',
  'This device has not joined that network: add it with its join link.',
)
export const STORAGE_REFUSED = failure(
  'storage-failed',
  'The browser did not store it: free some space, or leave private mode, and try again.',
)
export const MALFORMED_LINK = failure(
  'malformed-link',
  'This is not a join link, or a part of it is missing: copy the whole link that the relay shows, or scan its code.',
)
export const TOO_MANY_NETWORKS = failure(
  'too-many-networks',
  'This device has joined as many networks as it can keep: remove one first.',
)

// ---------------------------------------------------------------------------------------------------------------- lies

const LIES: Readonly<Record<string, string>> = {
  'wrong-proof': 'its proof does not lead to the header that the keepers sealed',
  'bad-seal': 'it sent a header that its keeper has not sealed',
  'not-a-keeper': 'it sent a header of somebody who is no keeper',
  'not-enough-work': 'it sent a header without the work behind it',
  'wrong-target': 'it sent a header that was too easy to make',
  'wrong-roster-root': 'it left a change of the keepers out',
  'wrong-genesis': 'it showed another beginning than that of this network',
  'wrong-checkpoint': 'it showed another header than the one in the join link',
  'bad-status': 'it speaks for another network',
  malformed: 'its answer cannot be read',
  'too-long': 'its answer is longer than any can be',
}

export function lied(code: string): string {
  return `A server lied: ${LIES[code] ?? `it sent what breaks a rule of this network (${code})`}. Nothing of it was used.`
}

// ----------------------------------------------------------------------------------------------------------- incidents

export const INCIDENT = {
  newVersion: 'The network uses a newer version of its rules than this page knows: update the page.',
  conflict:
    'Somebody offered a heavier chain that would undo a settled block. It was not followed: a key of a keeper may be stolen.',
  leftSettled: (height: number) =>
    `Two thirds of the keepers moved to another chain, and a settled block above height ${height} no longer counts. Ask the network's owner why.`,
  reorganization: (undone: number) =>
    `${undone === 1 ? 'The newest block was' : `The ${undone} newest blocks were`} replaced by a longer chain. Nothing settled changed.`,
  asleep: 'No new block for long: the relay or this device slept.',
  serverLost: 'The last server of this network is gone. This device goes on trying to reach it.',
  serverChanged: 'Another server answers now.',
  walletMissing:
    'The key of this identity is gone from this browser, or was replaced elsewhere: only its recovery words bring it back.',
  clockOff: (minutes: number) =>
    `This device's clock and the server's differ by ${minutes} minutes: set this device's clock, or tell who runs the relay.`,
  identityUndone: 'The block with this ID was replaced: the registration is sent again.',
} as const

// ------------------------------------------------------------------------------------------------------------- storage

export const NEWER_STORAGE = failure(
  'newer-storage',
  'A newer version of this page has used this browser: reload the page, or update it where it comes from. Nothing was deleted.',
)
export const STORAGE_BLOCKED = failure(
  'storage-blocked',
  'Another tab with an older version of this page holds the storage: close that tab, then reload this page.',
)
/** Shown while the page works without its database. */
export const STORAGE_UNUSABLE = failure(
  'storage-unusable',
  "The browser's storage for this page does not open. Devices can be checked, but nothing is kept: free some space, restart the browser, then reload. An identity that was kept is not touched.",
)

export const STORAGE_INCIDENTS = {
  damaged: {
    code: 'storage-repaired',
    severity: 'warning',
    sentence:
      'Stored headers were damaged or missing. Only those are fetched and checked again; the identity is not touched.',
  },
  failed: {
    code: 'storage-failed',
    severity: 'warning',
    sentence: 'The browser did not store the newest headers: after a reload they are fetched again.',
  },
  'no-room': {
    code: 'storage-full',
    severity: 'warning',
    sentence:
      'The browser has no room left for this page. It goes on from memory, and the identity stays as it is: free some space on this device.',
  },
  trimmed: {
    code: 'storage-trimmed',
    severity: 'note',
    sentence:
      'The browser has little room for this page, so old headers were let go. Checking devices needs none of them; the identity stays.',
  },
  lost: {
    code: 'storage-lost',
    severity: 'warning',
    sentence:
      'What this page had stored is gone from the browser. The network was taken up again, and its headers are fetched and checked anew.',
  },
  emptied: {
    code: 'storage-emptied',
    severity: 'warning',
    sentence:
      "This page's storage was deleted while it was in use. Headers, identity and names were stored again from memory.",
  },
  record: {
    code: 'storage-repaired',
    severity: 'warning',
    sentence:
      'What was stored of the ID was damaged. It was taken up again from its key, and is looked up in the ledger.',
  },
  names: {
    code: 'names-damaged',
    severity: 'warning',
    sentence: 'The stored names of devices are damaged and are not shown: import the directory again.',
  },
  'stored-again': {
    code: 'storage-recovered',
    severity: 'note',
    sentence: 'There is room again: the newest headers are stored.',
  },
} as const

export type StorageNews = keyof typeof STORAGE_INCIDENTS

// --------------------------------------------------------------------------------------------------------------- audit

export const AUDIT = {
  malformed: 'This is not a Lares device ID: it starts with LARES1 and has 70 characters.',
  unknownNetwork: 'This ID belongs to a network that this device has not joined.',
  otherNetwork: (name: string) =>
    `This ID belongs to the network “${name}”, which you have: open that network, then ask again.`,
  noNetwork: 'No network is open: add the one that this ID belongs to with its join link.',
  connecting: 'Nothing can be said yet: no server of this network has answered so far.',
  syncing: 'Nothing can be said yet: this device is still checking headers. Ask again when it has caught up.',
  offline: 'Nothing can be said now: no server of this network can be reached.',
  asleep: 'Nothing can be said about now: the network has made no block for long. Wake its relay, then ask again.',
  noAnswer: 'Nothing can be said now: no server has given a proof for the settled block.',
  onlyLies: 'Nothing can be said: the proof that came back was wrong, and no other server answered.',
  unreadable: 'The ledger has a record for this ID that this page cannot read: update the page.',
  registered: 'This device is in the ledger.',
  contested:
    'This device is in the ledger, but a copy of its key was used: do not rely on it until it was verified anew.',
  genuine: 'This device is in the ledger, and has just proven that it has the key of this ID.',
  retired: 'This device was in the ledger and is retired: it is no longer trusted.',
  notInLedger: 'This device is not in the ledger: there is proof that no such ID is registered.',
  pending: 'This device is in the newest block, which is not settled yet: ask again in a few minutes.',
} as const

export const CHECKED = {
  genesis: 'The network ID matches its beginning (genesis).',
  checkpoint: (height: number) => `The chain goes on from the settled block ${height} that the join link names.`,
  headers: (count: number) =>
    count === 1
      ? '1 header verified: link, time, work and seal.'
      : `${count} headers verified: links, times, work and seals.`,
  keepers: (seen: number, all: number) =>
    `${seen} of ${all} ${all === 1 ? 'keeper' : 'keepers'} sealed on top of the settled block.`,
  proof: (bytes: number) => `A state proof of ${bytes} bytes leads to the settled block's state root.`,
  record: 'The record belongs to exactly this device ID.',
  answer: 'The device itself has signed the question of this browser with the key of its record.',
  absence: 'The same proof shows that nothing is stored under this device ID.',
  trust: (epoch: number) => `Trust is counted from the record, at epoch ${epoch} (proven as well).`,
  trustOwnEpoch: 'Trust is that of the record when it last changed; the current epoch was not proven.',
  pending: 'A second proof shows it in the newest block.',
} as const

// ----------------------------------------------------------------------------------------------------------- directory

export const DIRECTORY = {
  none: failure('no-directory', 'There is no directory on this device: import the file that the owner gave you.'),
  tooLarge: failure(
    'directory-too-large',
    'This file is larger than any directory: choose the one the owner gave you.',
  ),
  malformed: failure(
    'malformed-directory',
    'This is not a Lares directory, or it is damaged: ask the owner for the file that “lares directory export” writes.',
  ),
  wrongNetwork: failure(
    'wrong-network',
    'This directory belongs to another network: open that network first, then import it again.',
  ),
  unknownSigner: failure(
    'unknown-signer',
    'The relay that signed this directory is not, or no longer, in the ledger: ask the owner for a new one.',
  ),
  signerHasNoRight: failure(
    'signer-has-no-right',
    'This directory is signed by a device that may not vouch for names: ask the owner for one from the relay.',
  ),
  altered: failure(
    'directory-altered',
    'This directory was altered, or is not from whom it says: ask the owner for a new one.',
  ),
  cannotCheck: failure(
    'cannot-check-directory',
    'The directory cannot be checked now, since no server of this network answers: try again in a moment.',
  ),
} as const

// ---------------------------------------------------------------------------------------------------------------- join

const JOIN_FAILURES: Readonly<Record<string, string>> = {
  'malformed-voucher':
    'This is not a voucher, or a part of it is missing: copy the whole text, or scan its code again.',
  'wrong-network': 'This voucher is for another network: open that network first, or ask for a voucher of this one.',
  'voucher-used': 'This voucher has been used: each is good for one device. Ask for a new one.',
  'voucher-expired': 'This voucher has expired: ask for a new one.',
  'voucher-altered': 'This voucher was altered, or is not from whom it says: ask for a new one.',
  'voucher-too-long': 'This voucher runs for longer than the network allows: ask for a new one.',
  'voucher-for-another-label': 'This voucher is not for a phone or a browser: ask for another one.',
  'unknown-issuer':
    'The device that made this voucher is not, or no longer, in the ledger: ask for a voucher from another one.',
  'issuer-has-no-right':
    'The device that made this voucher may not vouch for others: ask for a voucher from the relay.',
  'not-enough-endorsements':
    'Too few coordination nodes could be reached to confirm the join: it is tried again by itself.',
  'view-stale':
    'The coordination node has heard of no new blocks and confirms nobody now: it is tried again by itself.',
  'view-unavailable': 'The coordination node reaches no full node to check by: it is tried again by itself.',
  'view-clock': 'The clock of the coordination node is wrong, so it confirms nobody: tell its owner.',
  'view-busy': 'The coordination node is busy with other newcomers: it is tried again by itself.',
  'already-joined': 'This device has an ID in this network already.',
  'join-under-way': 'This device is joining already: wait until it is done.',
  'not-prepared': 'The recovery words were not shown yet: begin with the voucher again.',
  'wrong-words': 'These are not the words that were shown: look at what you wrote down and try again.',
  'cannot-check': 'The voucher cannot be checked now, since no server of this network answers: try again in a moment.',
  'recovery-overtaken': 'Something else was registered for this ID meanwhile: try the recovery words again.',
  'no-server': 'No server has taken the registration yet: it is tried again by itself.',
  'no-words': 'The list of recovery words could not be loaded: check the connection and try again.',
}

export function joinFailure(code: string): Failure {
  return failure(code, JOIN_FAILURES[code] ?? `The network refused the registration (${code}): ask who runs the relay.`)
}

// ------------------------------------------------------------------------------------------------------------ recovery

const RECOVERY_FAILURES: Readonly<Record<string, string>> = {
  'has-identity': 'This browser has its ID and the key of it: nothing is to be brought back.',
  'malformed-id': AUDIT.malformed,
  'id-of-other-network': 'This ID belongs to another network: open that one first.',
  'no-words': 'The list of recovery words could not be loaded: check the connection and try again.',
  'bad-checksum': 'Every word is known, but together they do not fit: one is wrong or out of place.',
  'cannot-check': 'The ID cannot be looked up now, since no server of this network answers: try again in a moment.',
  'id-not-in-ledger': 'There is proof that this ID is not in the ledger: check it against your notes.',
  'words-of-another': 'These words belong to another ID: check the ID, and the words.',
  'id-retired': 'This ID is retired and cannot come back. A new voucher gives a new ID.',
  'not-a-browser': 'This is the ID of a relay: its keys are brought back on the relay itself.',
}

/** @param detail what is wrong with the words */
export function recoveryFailure(code: string, detail = ''): Failure {
  const sentence = RECOVERY_FAILURES[code] ?? `${detail.charAt(0).toUpperCase()}${detail.slice(1)}.`
  return failure(code, sentence)
}
