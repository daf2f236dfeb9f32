import type { NetworkView } from '../worker/api.ts'
import { chainCells } from './chain-cells.ts'
import { countOf, formatCount } from './format.ts'
import { keepersSentence } from './network-words.ts'

const CELLS = 11

/** The newest blocks as a picture: what is settled, the line, what lies on top, and which keepers were seen. */
export function ChainStrip({ network }: { network: NetworkView }) {
  const { tip, settled } = network
  const cells = chainCells(tip?.height, settled?.height, CELLS)
  if (tip === undefined || cells.length === 0) return null
  const aloud =
    settled === undefined
      ? `Chain up to block ${formatCount(tip.height)}, nothing settled yet.`
      : `Chain up to block ${formatCount(tip.height)}; settled up to ${formatCount(settled.height)}, ${countOf(tip.height - settled.height, 'block')} on top.`
  return (
    <figure class="chain">
      <div class="chain-cells" role="img" aria-label={aloud}>
        {cells.map((cell) =>
          cell.kind === 'gap' ? (
            <span key={`gap-${cell.height}`} class="chain-gap">
              +{formatCount(cell.count)}
            </span>
          ) : (
            <span
              key={cell.height}
              class={`chain-cell ${cell.kind}${cell.isTip ? ' tip' : ''}${cell.isLine ? ' line' : ''}`}
            />
          ),
        )}
      </div>
      <figcaption>
        <span class="key">
          <i class="swatch settled" /> settled
        </span>
        <span class="key">
          <i class="swatch open" /> not settled yet
        </span>
        {settled !== undefined && (
          <span class="keepers">
            <span class="keeper-dots" aria-hidden="true">
              {Array.from({ length: Math.min(settled.keepers, 12) }, (_, index) => (
                <i key={index} class={index < settled.keepersSeen ? 'dot seen' : 'dot'} />
              ))}
            </span>
            <span data-testid="keepers-seen" data-seen={settled.keepersSeen} data-keepers={settled.keepers}>
              {keepersSentence(settled)}
            </span>
          </span>
        )}
      </figcaption>
    </figure>
  )
}
