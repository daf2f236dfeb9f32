/** What a camera would see of a picture, as a video that Chromium plays in place of a camera. */
import { writeFile } from 'node:fs/promises'
import type { Page } from '@playwright/test'

const WIDTH = 640
const HEIGHT = 480
const FRAMES = 10

/**
 * Lays a picture on a grey table, turned a little and lit from one side, and writes it as a YUV4MPEG2 file for
 * `--use-file-for-fake-video-capture`. The hand shakes: each frame is moved and turned a little otherwise.
 *
 * @param page any page: its canvas does the drawing
 */
export async function writeCameraFeed(page: Page, picture: Buffer, path: string): Promise<void> {
  const frames: Buffer[] = []
  for (let frame = 0; frame < FRAMES; frame++) {
    const luma = await page.evaluate(drawLuma, {
      picture: picture.toString('base64'),
      width: WIDTH,
      height: HEIGHT,
      frame,
    })
    frames.push(Buffer.from('FRAME\n'), Buffer.from(luma, 'base64'), Buffer.alloc((WIDTH * HEIGHT) / 2, 128))
  }
  const header = Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\n`)
  await writeFile(path, Buffer.concat([header, ...frames]))
}

/** In the page: the brightness of each pixel, base64. */
async function drawLuma(init: { picture: string; width: number; height: number; frame: number }): Promise<string> {
  const { width, height, frame } = init
  const bytes = Uint8Array.from(atob(init.picture), (character) => character.charCodeAt(0))
  const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }))
  const canvas = new OffscreenCanvas(width, height)
  const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D
  context.fillStyle = '#8a8a86'
  context.fillRect(0, 0, width, height)
  context.translate(width / 2 + Math.sin(frame) * 6, height / 2 + Math.cos(frame) * 5)
  context.rotate(((4 + Math.sin(frame * 2)) * Math.PI) / 180)
  const scale = (width * 0.86) / image.width
  context.drawImage(
    image,
    (-image.width * scale) / 2,
    (-image.height * scale) / 2,
    image.width * scale,
    image.height * scale,
  )
  context.resetTransform()
  const light = context.createLinearGradient(0, 0, width, height)
  light.addColorStop(0, 'rgba(0, 0, 0, 0)')
  light.addColorStop(1, 'rgba(0, 0, 0, 0.35)')
  context.fillStyle = light
  context.fillRect(0, 0, width, height)
  const { data } = context.getImageData(0, 0, width, height)
  let text = ''
  for (let i = 0; i < data.length; i += 4) {
    // BT.601, full range, as C420jpeg has it.
    const luma = 0.299 * (data[i] ?? 0) + 0.587 * (data[i + 1] ?? 0) + 0.114 * (data[i + 2] ?? 0)
    text += String.fromCharCode(Math.round(luma))
  }
  return btoa(text)
}
