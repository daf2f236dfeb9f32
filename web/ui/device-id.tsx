import { inGroups } from './format.ts'
import { CopyButton, Late } from './parts.tsx'

const loadQr = async () => (await import('./qr-code.tsx')).QrCode

/** A device ID to be read, compared aloud, copied or photographed. */
export function DeviceId({ id, did }: { id: string; did: string | undefined }) {
  return (
    <div class="device-id">
      <div class="qr-frame">
        <Late load={loadQr} props={{ text: id, label: 'QR code of the device ID' }} waiting={<div class="qr" />} />
      </div>
      <div class="device-id-text">
        <p class="mono id" data-testid="device-id" data-value={id}>
          {inGroups(id).map((group, index) => (
            <span key={index}>{group}</span>
          ))}
        </p>
        <div class="row">
          <CopyButton text={id} what="ID" />
          {did !== undefined && <CopyButton text={did} what="DID" />}
        </div>
      </div>
    </div>
  )
}
