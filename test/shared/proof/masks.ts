/** What a byte is changed by where trying all 255 would only take longer: each bit, the low two bits, and all. */
export const MASKS = [1, 2, 4, 8, 16, 32, 64, 128, 3, 255] as const
