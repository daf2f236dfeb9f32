/** What a colour says; each is always paired with a word and a symbol. */
export type Tone = 'good' | 'warn' | 'bad' | 'calm' | 'idle'
