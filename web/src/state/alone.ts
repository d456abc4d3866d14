// What only one of an account's open tabs may do, as long as it is open.

/**
 * Waits for a turn that no other tab has, which may be until that tab is closed; answers with what gives it back. Rejects when the signal
 * ends the waiting. A tab that was just closed or reloaded may have its turn for some moments more: who only asked would go without.
 */
export function takeTurn(
  locks: LockManager | undefined,
  name: string,
  signal: AbortSignal,
): Promise<() => void> {
  if (!locks) return Promise.resolve(() => undefined);
  return new Promise((resolve, reject) => {
    locks.request(name, { signal }, () => new Promise<void>((release) => resolve(release))).catch(reject);
  });
}
