/**
 * From push to pull: who writes goes on only while somebody takes what was written. One promise for each chunk of
 * about a mebibyte, never one for each entry in it.
 */

/** Hands values from one who is made to wait (`give`) to one who asks (`take`). */
export class Relay<Value> {
  /** Given, not taken yet. */
  #given:
    | { readonly value: Value; readonly used: () => void; readonly refuse: (error: unknown) => void }
    | undefined
  /** Taken, not used up yet: called when the next is asked for. */
  #used: (() => void) | undefined
  /** Who waits for a value. */
  #taker:
    | { readonly resolve: (value: Value | undefined) => void; readonly reject: (error: unknown) => void }
    | undefined
  #ended = false
  #failure: { readonly error: unknown } | undefined
  #closed: { readonly error: unknown } | undefined

  /** Gives a value; resolves when it has been used, rejects when the relay is closed instead. */
  give(value: Value): Promise<void> {
    return new Promise((used, refuse) => {
      if (this.#closed !== undefined) refuse(this.#closed.error)
      else if (this.#taker !== undefined) {
        const { resolve } = this.#taker
        this.#taker = undefined
        this.#used = used
        resolve(value)
      } else {
        this.#given = { value, used, refuse }
      }
    })
  }

  /** Says that no more comes. */
  end(): void {
    this.#ended = true
    this.#taker?.resolve(undefined)
    this.#taker = undefined
  }

  /** Says that no more comes, because of an error. */
  fail(error: unknown): void {
    this.#failure = { error }
    this.#taker?.reject(error)
    this.#taker = undefined
  }

  /** The next value, or undefined at the end; the one before must not be used any more. */
  take(): Promise<Value | undefined> {
    this.#release()
    return new Promise((resolve, reject) => {
      if (this.#given !== undefined) {
        const { value, used } = this.#given
        this.#given = undefined
        this.#used = used
        resolve(value)
      } else if (this.#failure !== undefined) reject(this.#failure.error)
      else if (this.#ended) resolve(undefined)
      else this.#taker = { resolve, reject }
    })
  }

  /** Takes no more: every giver, now and later, is refused with the error. */
  close(error: unknown): void {
    this.#closed = { error }
    this.#release()
    this.#given?.refuse(error)
    this.#given = undefined
  }

  #release(): void {
    const used = this.#used
    this.#used = undefined
    used?.()
  }
}
