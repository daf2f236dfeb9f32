import encodeQR from 'qr'

/** One label: what it says beside the code. */
export interface Label {
  /** LARES1…, upper-case: QR's alphanumeric set, which keeps the code small. */
  readonly deviceId: string
  readonly name: string
  readonly serial: string
}

/** Labels of one sheet file: a browser still prints as many. */
export const MAX_LABELS = 10_000

/** A4 sheets of 3 × 7 labels of 63.5 × 38.1 mm, as Avery L7160 and many others have them. */
const COLUMNS = 3
const ROWS = 7
/** Light modules around a code (ISO/IEC 18004). */
const BORDER = 4
const ID_GROUP = 5

/** A page that prints as sheets of labels. It loads nothing, and all that comes from the directory is escaped. */
export function labelSheet(labels: readonly Label[], title: string): string {
  const sheets: string[] = []
  const perSheet = COLUMNS * ROWS
  for (let start = 0; start < labels.length; start += perSheet)
    sheets.push(
      `<section>\n${labels
        .slice(start, start + perSheet)
        .map(labelHtml)
        .join('\n')}\n</section>`,
    )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<p class="hint">Print at 100 % on A4 label sheets, 3 × 7 labels of 63.5 × 38.1 mm, without headers and footers.</p>
${sheets.join('\n')}
</body>
</html>
`
}

function labelHtml({ deviceId, name, serial }: Label): string {
  return `<article>${qrSvg(deviceId)}<div><b>${escapeHtml(name)}</b><span>${escapeHtml(serial)}</span><code>${shortId(deviceId)}</code></div></article>`
}

/** The end of an ID in two lines of groups: what two people compare at sight. */
function shortId(deviceId: string): string {
  const groups = deviceId.slice(-4 * ID_GROUP).match(/.{5}/g) ?? []
  return `${escapeHtml(groups.slice(0, 2).join(' '))}<br>${escapeHtml(groups.slice(2).join(' '))}`
}

/** Dark runs of modules as one path of strokes, which printers draw even with background graphics off. */
function qrSvg(text: string): string {
  const rows = encodeQR(text, 'raw', { ecc: 'medium', border: BORDER })
  let path = ''
  for (const [y, row] of rows.entries())
    for (let x = 0; x < row.length; x++) {
      if (row[x] !== true) continue
      const start = x
      while (row[x + 1] === true) x++
      path += `M${start} ${y}.5h${x - start + 1}`
    }
  const size = rows.length
  return `<svg viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges"><path stroke="#000" d="${path}"/></svg>`
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

const STYLE = `
@page { size: A4; margin: 0 }
* { box-sizing: border-box; margin: 0 }
body { font: 8pt/1.25 system-ui, sans-serif; color: #000; background: #fff }
.hint { padding: 4mm 7.2mm; color: #444 }
section {
  width: 210mm; height: 297mm; padding: 15.1mm 7.2mm; overflow: hidden; break-after: page;
  display: grid; grid-template: repeat(${ROWS}, 38.1mm) / repeat(${COLUMNS}, 63.5mm); column-gap: 2.5mm
}
article { display: flex; align-items: center; overflow: hidden; padding: 1.5mm 2mm 1.5mm 1.5mm; gap: 1mm; break-inside: avoid }
svg { width: 33mm; height: 33mm; flex: none; background: #fff }
div { display: flex; flex-direction: column; gap: 1mm; min-width: 0; overflow-wrap: anywhere }
b { font-size: 8.5pt; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 4; overflow: hidden }
span { font-size: 7.5pt; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden }
code { font: 6.5pt/1.3 ui-monospace, monospace }
@media print { .hint { display: none } }
@media screen { body { background: #ddd } section { background: #fff; margin: 4mm auto } article { outline: 1px dashed #bbb } }
`
