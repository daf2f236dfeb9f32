import type { IncomingMessage, ServerResponse } from 'node:http'

/** A host and port as they may stand in a Host header; anything else is not repeated. */
const HOST = /^(?:[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i

/**
 * What plain HTTP gets from outside this PC: one sentence, and nothing else. A page that came that way would have no
 * wallet, camera or service worker, and anybody on the way could have changed it. No redirect: the browser would show
 * its certificate warning without this explanation.
 */
export function answerPlainHttp(request: IncomingMessage, response: ServerResponse): void {
  const host = request.headers.host ?? ''
  const url = HOST.test(host) ? `https://${host}/` : undefined
  const target = url === undefined ? 'the same address with https://' : url
  const sentence = `Lares needs a secure connection: open ${target} instead, and accept the relay's certificate once.`
  const isPage = request.headers.accept?.includes('text/html') === true
  response.writeHead(426, {
    'content-type': isPage ? 'text/html; charset=utf-8' : 'application/json',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    upgrade: 'TLS/1.2, HTTP/1.1',
    connection: 'close',
  })
  response.end(isPage ? page(sentence, url) : JSON.stringify({ code: 'https-needed', sentence }))
}

/** `url` holds only what {@link HOST} lets through, so it needs no escaping. */
function page(sentence: string, url: string | undefined): string {
  const text = url === undefined ? sentence : sentence.replace(url, `<a href="${url}">${url}</a>`)
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Lares</title><body style="font:18px/1.5 system-ui;max-width:32em;margin:3em auto;padding:0 1em"><p>${text}</p></body></html>
`
}
