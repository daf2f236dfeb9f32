const WORDS_PER_ROW = 4

/** Recovery words in a frame, numbered, with what they are for. */
export function wordsBox(
  words: string,
  { title, explanation }: { title: string; explanation: readonly string[] },
): string {
  const list = words.trim().split(/\s+/)
  const width = Math.max(...list.map((word) => word.length)) + 5
  const rows: string[] = []
  for (let start = 0; start < list.length; start += WORDS_PER_ROW)
    rows.push(
      list
        .slice(start, start + WORDS_PER_ROW)
        .map((word, index) => `${String(start + index + 1).padStart(2)} ${word}`.padEnd(width))
        .join(''),
    )
  const lines = [title, '', ...rows, '', ...explanation]
  const inner = Math.max(...lines.map((line) => line.length))
  return [
    '',
    `┌${'─'.repeat(inner + 2)}┐`,
    ...lines.map((line) => `│ ${line.padEnd(inner)} │`),
    `└${'─'.repeat(inner + 2)}┘`,
    '',
  ].join('\n')
}
