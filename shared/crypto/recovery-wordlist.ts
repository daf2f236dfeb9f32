/**
 * The English BIP-39 list, 2,048 words, in a file of its own: 13 kB that a page fetches by `import()` when words
 * are first shown or asked for, not with its first load.
 */
export { wordlist as RECOVERY_WORDLIST } from '@scure/bip39/wordlists/english.js'
