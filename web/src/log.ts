// What went wrong without a person being able to help it. Never message text.

/** Notes a fault for whoever looks at the browser's console. */
export function logFault(what: string, error: unknown): void {
  console.warn(`hearth: ${what}`, error);
}
