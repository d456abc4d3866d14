declare module 'virtual:emoji' {
  /** One emoji: as text, name, words that find it, short names, 1 where it has skin tones. */
  export type Row = [text: string, name: string, words: string, codes: string, hasTones: 0 | 1];
  /** A category: its key, its name, its emoji. */
  export type Category = [key: string, name: string, rows: Row[]];
  export const loaders: Record<string, () => Promise<{ default: Category[] }>>;
}
