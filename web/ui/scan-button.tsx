import { useState } from 'preact/hooks'
import { Icon } from './icons.tsx'
import { Late } from './parts.tsx'

const loadScanner = async () => (await import('./scanner.tsx')).Scanner

/** Opens the camera to read a QR code into a field. The scanner is loaded on the first tap. */
export function ScanButton({ what, onText }: { what: string; onText: (text: string) => void }) {
  const [open, setOpen] = useState(false)
  const close = () => setOpen(false)
  return (
    <>
      <button type="button" data-testid="scan" onClick={() => setOpen(true)} aria-expanded={open}>
        <Icon name="camera" size={20} /> Scan
      </button>
      {open && (
        <Late
          load={loadScanner}
          props={{
            what,
            onClose: close,
            onText: (text: string) => {
              close()
              onText(text)
            },
          }}
          waiting={<p class="muted">Opening the camera…</p>}
        />
      )}
    </>
  )
}
