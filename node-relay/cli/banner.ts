import type { RelayStatus } from '../facade.ts'
import { qrLines } from './qr.ts'
import { wordsBox } from './words-box.ts'

export interface BannerInit {
  readonly status: RelayStatus
  readonly networkName: string
  readonly joinUrl: string
  /** A shorter form of it, for the QR code. */
  readonly codeUrl: string
  readonly localUrl: string
  /** Where a phone gets the certificate that makes this relay trusted; undefined with a certificate brought along. */
  readonly certificateUrl: string | undefined
  readonly dataDir: string
  readonly logFile: string | undefined
  /** Why the join link is less stable than it could be. */
  readonly hint: string | undefined
  readonly columns: number | undefined
  readonly colours: boolean
}

/** What a person sees when the relay has started. */
export function startBanner(init: BannerInit): string {
  const { status } = init
  const code = qrLines(init.codeUrl, init)
  return [
    '',
    'Lares is running.',
    '',
    'Open this on a phone or another PC of your network, or scan it:',
    `  ${init.joinUrl}`,
    '',
    ...(code ?? ['  (Widen this window and start again to see it as a QR code.)']),
    '',
    `On this PC   ${init.localUrl}`,
    ...(init.certificateUrl === undefined
      ? []
      : [`For phones   ${init.certificateUrl} (install once; docs/PHONES.md)`]),
    `Device ID    ${status.deviceId ?? 'comes with the first block'}`,
    `Network      ${init.networkName}, ${status.networkId}`,
    `Height       ${status.tip.height} (settled ${status.settled.height})`,
    `Mining       ${status.mining.sentence}`,
    `Data         ${init.dataDir}`,
    ...(init.logFile === undefined ? [] : [`Log          ${init.logFile}`]),
    ...(init.hint === undefined ? [] : ['', init.hint]),
    '',
    'Ctrl-C stops the relay.',
    '',
  ].join('\n')
}

/** The owner's recovery words, shown once in the life of a network. */
export function ownerWordsBox(words: string): string {
  return wordsBox(words, {
    title: 'RECOVERY WORDS OF THIS NETWORK, shown only now and kept nowhere.',
    explanation: [
      'Write them on paper, in this order, and keep the paper safe. They are the',
      'owner key: with them you replace this relay when the PC is lost or stolen.',
      'Whoever has them owns the network. Nobody can give them back to you.',
    ],
  })
}
