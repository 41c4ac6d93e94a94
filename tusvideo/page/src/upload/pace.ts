// How fast it goes, and how long it will take, from the last few seconds.
const WINDOW_MS = 8_000
const LEAST_MS = 600

export class Pace {
  private samples: { at: number; sent: number }[] = []

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Note how much has been sent in all. */
  note(sent: number): void {
    const at = this.now()
    const last = this.samples.at(-1)
    if (last && sent < last.sent) this.samples = [] // it went back: the server had less than was thought
    this.samples.push({ at, sent })
    while (this.samples.length > 2 && at - this.samples[0]!.at > WINDOW_MS) this.samples.shift()
  }

  /** Bytes per second; 0 while nobody can tell. */
  get speed(): number {
    const [first, last] = [this.samples[0], this.samples.at(-1)]
    if (!first || !last || last.at - first.at < LEAST_MS) return 0
    return ((last.sent - first.sent) / (Math.max(last.at, this.now()) - first.at)) * 1000
  }
}
