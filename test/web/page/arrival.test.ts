import { describe, expect, it } from 'vitest'
import { linkOfServingRelay, MAX_ARRIVAL_TEXT, readArrival, takeArrival } from '../../../web/page/arrival.ts'

describe('arrival', () => {
  it.each([
    ['#join=abc', { join: 'abc', voucher: undefined }],
    ['#voucher=xyz', { join: undefined, voucher: 'xyz' }],
    ['#join=abc&voucher=xyz', { join: 'abc', voucher: 'xyz' }],
    ['#join=a%2Fb%3D', { join: 'a/b=', voucher: undefined }],
    ['#join=a%ZZ', { join: 'a%ZZ', voucher: undefined }],
    ['#join=a=b', { join: 'a=b', voucher: undefined }],
  ])('reads %s', (hash, arrival) => expect(readArrival(hash)).toEqual(arrival))

  it.each(['', '#', '#/audit', '#join', '#join=', '#=x', `#join=${'x'.repeat(MAX_ARRIVAL_TEXT + 1)}`])(
    'finds nothing in %.20s',
    (hash) => expect(readArrival(hash)).toBeUndefined(),
  )

  it('empties the address bar of a secret, and leaves the name of a view', () => {
    const replaced: unknown[] = []
    const history = { replaceState: (_state: unknown, _title: string, url: string) => replaced.push(url) }
    const at = (hash: string) => ({ hash, pathname: '/p/', search: '?a=1' }) as Location
    expect(takeArrival(at('#voucher=xyz'), history as unknown as History)?.voucher).toBe('xyz')
    expect(replaced).toEqual(['/p/?a=1'])
    expect(takeArrival(at('#/audit'), history as unknown as History)).toBeUndefined()
    expect(replaced).toHaveLength(1)
  })
})

describe('link of the serving relay', () => {
  function storage(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> & { kept: Map<string, string> } {
    const kept = new Map<string, string>()
    return {
      kept,
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    }
  }
  const answering = (body: string, status = 200) => (async () => new Response(body, { status })) as typeof fetch
  const failing = (async () => {
    throw new TypeError('Failed to fetch')
  }) as typeof fetch
  const BASE = 'https://lares.local:8443/'

  it('takes the link of its own origin', async () => {
    let asked = ''
    const fetchJson = (async (url: URL) => {
      asked = String(url)
      return Response.json({ link: 'abc', networkId: '00' })
    }) as unknown as typeof fetch
    expect(await linkOfServingRelay(BASE, fetchJson, storage())).toBe('abc')
    expect(asked).toBe('https://lares.local:8443/api/v1/join')
  })

  it.each(['{}', 'null', '[]', '{"link":7}', '<!doctype html>', `{"link":"${'x'.repeat(9_000)}"}`])(
    'takes %.20s for no link',
    async (body) => expect(await linkOfServingRelay(BASE, answering(body), storage())).toBeUndefined(),
  )

  it('takes a host without relay for no relay', async () => {
    expect(await linkOfServingRelay(BASE, answering('{"link":"abc"}', 404), storage())).toBeUndefined()
  })

  it('remembers the relay while it sleeps: the code still came from there', async () => {
    const store = storage()
    await linkOfServingRelay(BASE, answering('{"link":"abc"}'), store)
    expect(await linkOfServingRelay(BASE, failing, store)).toBe('abc')
    expect(await linkOfServingRelay(BASE, failing, storage())).toBeUndefined()
  })

  it('forgets it when the origin says that it is no relay any more', async () => {
    const store = storage()
    await linkOfServingRelay(BASE, answering('{"link":"abc"}'), store)
    await linkOfServingRelay(BASE, answering('', 404), store)
    expect(store.kept.size).toBe(0)
  })

  it('works without storage', async () => {
    expect(await linkOfServingRelay(BASE, answering('{"link":"abc"}'), undefined)).toBe('abc')
  })
})
