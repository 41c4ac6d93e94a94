// Work that is put off, by name, so that the same work is not done too often.

export class Timers {
  private readonly running = new Map<string, ReturnType<typeof setTimeout>>()

  /** Do it after so long; what is asked meanwhile under the same name is the same work. */
  soon(name: string, milliseconds: number, work: () => void): void {
    if (!this.running.has(name)) this.set(name, milliseconds, work)
  }

  /** Do it once nobody has asked under this name for so long. */
  afterRest(name: string, milliseconds: number, work: () => void): void {
    clearTimeout(this.running.get(name))
    this.set(name, milliseconds, work)
  }

  private set(name: string, milliseconds: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.running.delete(name)
      work()
    }, milliseconds)
    this.running.set(name, timer)
  }
}
