import { describe, expect, it } from 'vitest'
import { findObstacle } from '../../../web/page/environment.ts'

const ALL = { secure: true, webrtc: true, storage: true, locks: true, workers: true }

describe('environment', () => {
  it('finds nothing wrong with a current browser', () => expect(findObstacle(ALL)).toBeUndefined())

  it.each([
    ['secure', 'insecure-origin'],
    ['webrtc', 'no-webrtc'],
    ['storage', 'no-storage'],
    ['locks', 'old-browser'],
    ['workers', 'old-browser'],
  ])('without %s says %s, in one sentence', (fact, code) => {
    const obstacle = findObstacle({ ...ALL, [fact]: false })
    expect(obstacle?.code).toBe(code)
    expect(obstacle?.sentence.match(/[.!?](\s|$)/g)).toHaveLength(1)
  })

  it('speaks of the insecure origin first: it is why the rest is missing', () => {
    expect(findObstacle({ secure: false, webrtc: false, storage: false, locks: false, workers: false })?.code).toBe(
      'insecure-origin',
    )
  })
})
