/** Reads QR codes out of pictures: with the browser's own detector where there is one, else with a library loaded then. */

/** The part of the Shape Detection API that is used (https://wicg.github.io/shape-detection-api/). */
interface Detector {
  detect(image: ImageBitmapSource): Promise<readonly { readonly rawValue: string }[]>
}
interface NativeDetector {
  new (options: { formats: string[] }): Detector
  getSupportedFormats(): Promise<readonly string[]>
}

export type ReadQr = (image: HTMLCanvasElement) => Promise<string | undefined>

export async function createQrReader(): Promise<ReadQr> {
  const detector = (await nativeDetector()) ?? (await libraryDetector())
  return async (image) => {
    try {
      const found = await detector.detect(image)
      return found.find((code) => code.rawValue !== '')?.rawValue
    } catch {
      // Most pictures have no code in them, which some detectors call an error.
      return undefined
    }
  }
}

async function nativeDetector(): Promise<Detector | undefined> {
  const Native = (globalThis as { BarcodeDetector?: NativeDetector }).BarcodeDetector
  if (Native === undefined) return undefined
  const formats = await Native.getSupportedFormats().catch((): string[] => [])
  return formats.includes('qr_code') ? new Native({ formats: ['qr_code'] }) : undefined
}

async function libraryDetector(): Promise<Detector> {
  const { BarcodeDetector } = await import('qr/decode.js')
  return new BarcodeDetector({ formats: ['qr_code'] })
}
