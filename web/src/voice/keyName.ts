// What is written on a key, by its place on the keyboard.

/** Modifiers and the like are named in words; the rest by what their place types, as far as `KeyboardEvent.code` tells. */
export function keyName(code: string): string {
  return code
    .replace(/^(?:Key|Digit)/, '')
    .replace(/^Numpad/, 'Num ')
    .replace(/^Arrow/, '')
    .replace(/(Left|Right)$/, (side) => ` ${side}`)
    .replace(/^Control/, 'Ctrl')
    .trim();
}
