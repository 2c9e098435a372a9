/** Work that goes on in a thread: who waits until something of it has changed, and why it can go no further. */

/** What a coder, whose work is done elsewhere, says to those that wait for it. */
export class PendingWork {
  #failure: { readonly reason: unknown } | undefined
  #waiting: (() => void)[] = []

  get failed(): boolean {
    return this.#failure !== undefined
  }

  /** Ends all waiting with a reason; false where there was one already, which stays. */
  fail(reason: unknown): boolean {
    if (this.#failure !== undefined) return false
    this.#failure = { reason }
    this.wake()
    return true
  }

  /** @throws the reason, once the work has failed */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.reason
  }

  /** Waits for the next {@link wake}; rejects with the reason where the work has failed or then does. */
  change(): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#waiting.push(() => (this.#failure === undefined ? resolve() : reject(this.#failure.reason)))
      if (this.#failure !== undefined) this.wake()
    })
  }

  /** Lets all that wait look again. */
  wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const settle of waiting) settle()
  }
}
