// What only one of an account's open tabs may do, as long as it is open.

/** Takes a turn that no other tab has; answers with what gives it back, or with null where another has it. */
export function takeTurn(locks: LockManager | undefined, name: string): Promise<(() => void) | null> {
  if (!locks) return Promise.resolve(() => undefined);
  return new Promise((resolve) => {
    void locks.request(name, { ifAvailable: true }, (lock) => {
      if (!lock) return resolve(null);
      return new Promise<void>((release) => resolve(release));
    });
  });
}
