/** Line icons, 24 units square, drawn here; decoration only: the word beside each says the same. */
const PATHS = {
  status: 'M3 11.5 12 4l9 7.5M5.5 10v9.5h13V10M12 12.2a2 2 0 1 0 0 4 2 2 0 0 0 0-4Z',
  audit: 'M12 3l7.5 3v5.6c0 4.6-3.1 7.8-7.5 9.4-4.4-1.6-7.5-4.8-7.5-9.4V6L12 3Zm-3.6 8.8 2.6 2.6 4.7-4.9',
  identity:
    'M3.5 6h17v12.5h-17V6Zm5.2 3.6a1.9 1.9 0 1 0 0 3.8 1.9 1.9 0 0 0 0-3.8ZM5.8 16c.5-1.4 1.6-2.1 2.9-2.1s2.4.7 2.9 2.1M14.5 10h3.5M14.5 13.5h3.5',
  networks:
    'M12 4.2a2.3 2.3 0 1 0 0 4.6 2.3 2.3 0 0 0 0-4.6ZM5.8 15.2a2.3 2.3 0 1 0 0 4.6 2.3 2.3 0 0 0 0-4.6Zm12.4 0a2.3 2.3 0 1 0 0 4.6 2.3 2.3 0 0 0 0-4.6ZM10.8 8.5l-3.8 6.9M13.2 8.5l3.8 6.9M8.1 17.5h7.8',
  check: 'M5 12.8 10 17.5 19.2 7',
  cross: 'M6.5 6.5l11 11M17.5 6.5l-11 11',
  stop: 'M12 3.5v8.2M7.2 6.3a7.6 7.6 0 1 0 9.6 0',
  question: 'M8.6 9.2a3.4 3.4 0 1 1 5 3c-1.1.6-1.6 1.2-1.6 2.5M12 18.3v.2',
  pencil: 'M4.5 19.5l.9-3.9L16.2 4.8l3 3L8.4 18.6l-3.9.9ZM13.9 7.1l3 3',
  clock: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17ZM12 7.5v5l3.2 1.9',
  camera: 'M4 8V4.5h3.5M16.5 4.5H20V8M20 16v3.5h-3.5M7.5 19.5H4V16M8 8.5h3v3H8v-3Zm5.5 0h2.5M13.5 12h2.5v3.5M8 14.5h3',
  copy: 'M8.5 8.5h11v11h-11v-11ZM15.5 8.5v-4h-11v11h4',
  direct: 'M5 12h14M15 8l4 4-4 4M9 8l-4 4 4 4',
  socket: 'M8 4v5M16 4v5M6 9h12v3a6 6 0 0 1-12 0V9ZM12 18v3',
  relayed: 'M4 17a2 2 0 1 0 4 0 2 2 0 0 0-4 0ZM16 17a2 2 0 1 0 4 0 2 2 0 0 0-4 0ZM6 15c.5-6 11.5-6 12 0',
  browser: 'M3.5 5.5h17v13h-17v-13ZM3.5 9.3h17M6 7.4h.1M8.3 7.4h.1',
  warning: 'M12 4 21 19.5H3L12 4Zm0 6v4.5M12 17v.2',
  note: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Zm0 7v5M12 8v.2',
  moon: 'M19 14.6A7.6 7.6 0 1 1 10.2 4.8a6 6 0 0 0 8.8 9.8Z',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name, size = 24 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  )
}

/** The mark: a small house shrine with its flame. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg class="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path class="mark-house" d="M16 3 29 11.5v2.5h-2.5V27H29v2H3v-2h2.5V14H3v-2.5L16 3Z" />
      <path class="mark-door" d="M10 27V17a6 6 0 0 1 12 0v10H10Z" />
      <path
        class="mark-flame"
        d="M16 15.5c2.6 2.7 3.5 4.3 3.5 6.2A3.5 3.5 0 0 1 16 25.2a3.5 3.5 0 0 1-3.5-3.5c0-1.9.9-3.5 3.5-6.2Z"
      />
    </svg>
  )
}
