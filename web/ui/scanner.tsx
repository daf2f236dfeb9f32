import { useEffect, useRef, useState } from 'preact/hooks'
import { Note } from './parts.tsx'
import { createQrReader } from './qr-reader.ts'

/** Frames are read at this width at most, pixels: enough for a label, quick on a phone. */
const FRAME_WIDTH = 720
const FRAME_EVERY_MS = 150

export interface ScannerProps {
  /** What is looked for, said to the person. */
  readonly what: string
  readonly onText: (text: string) => void
  readonly onClose: () => void
}

export function Scanner({ what, onText, onClose }: ScannerProps) {
  const video = useRef<HTMLVideoElement>(null)
  const [problem, setProblem] = useState<string>()
  const done = useRef(onText)
  done.current = onText

  useEffect(() => {
    const stop = new AbortController()
    scanCamera(video.current as HTMLVideoElement, stop.signal).then(
      (text) => {
        if (text !== undefined) done.current(text)
      },
      (error: unknown) => setProblem(cameraSentence(error)),
    )
    return () => stop.abort()
  }, [])

  const fromPicture = async (file: File | undefined) => {
    if (file === undefined) return
    const text = await readPicture(file).catch(() => undefined)
    if (text === undefined) setProblem('No QR code was found in that picture: try one that is sharper and closer.')
    else onText(text)
  }

  return (
    <section class="scanner" aria-label="QR scanner">
      {problem === undefined ? (
        <div class="viewfinder">
          <video ref={video} playsInline muted aria-label="Camera picture" />
        </div>
      ) : (
        <div role="alert">
          <Note tone="warn" icon="warning" testId="scan-problem">
            {problem}
          </Note>
        </div>
      )}
      <p class="muted small">Hold the QR code of {what} in front of the camera. Pictures stay on this device.</p>
      <div class="row">
        <label class="button quiet file">
          Take it from a picture
          <input
            type="file"
            accept="image/*"
            data-testid="scan-picture"
            onChange={(event) => void fromPicture(event.currentTarget.files?.[0])}
          />
        </label>
        <button type="button" class="quiet" onClick={onClose}>
          Close
        </button>
      </div>
    </section>
  )
}

/** Resolves with the first code seen, or undefined when called off. @throws what getUserMedia throws */
async function scanCamera(video: HTMLVideoElement, signal: AbortSignal): Promise<string | undefined> {
  const devices = (navigator as Partial<Navigator>).mediaDevices
  if (devices === undefined) throw new DOMException('no camera interface', 'NotFoundError')
  const stream = await devices.getUserMedia({ video: { facingMode: 'environment' }, audio: false })
  const end = () => {
    for (const track of stream.getTracks()) track.stop()
  }
  signal.addEventListener('abort', end)
  try {
    if (signal.aborted) return undefined
    video.srcObject = stream
    await video.play()
    const read = await createQrReader()
    const canvas = document.createElement('canvas')
    while (!signal.aborted) {
      const text = draw(canvas, video, video.videoWidth, video.videoHeight) ? await read(canvas) : undefined
      if (text !== undefined) return text
      await new Promise((resolve) => setTimeout(resolve, FRAME_EVERY_MS))
    }
    return undefined
  } finally {
    end()
  }
}

async function readPicture(file: File): Promise<string | undefined> {
  const picture = await createImageBitmap(file)
  const canvas = document.createElement('canvas')
  draw(canvas, picture, picture.width, picture.height)
  return (await createQrReader())(canvas)
}

function draw(canvas: HTMLCanvasElement, image: CanvasImageSource, width: number, height: number): boolean {
  if (width === 0 || height === 0) return false
  const scale = Math.min(1, FRAME_WIDTH / width)
  canvas.width = Math.round(width * scale)
  canvas.height = Math.round(height * scale)
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (context === null) return false
  // A picture with a transparent ground would be dark on dark.
  context.fillStyle = '#fff'
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(image, 0, 0, canvas.width, canvas.height)
  return true
}

function cameraSentence(error: unknown): string {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return "This page may not use the camera: allow it in the browser's settings for this page, or paste the text instead."
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'No camera was found: paste the text, or take the code from a picture.'
    case 'NotReadableError':
    case 'AbortError':
      return 'The camera is in use by another program: close that one, or paste the text instead.'
    default:
      return 'The camera could not be started: paste the text, or take the code from a picture.'
  }
}
