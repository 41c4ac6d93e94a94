// Keeps the screen on while bytes flow: a phone that sleeps stops sending.

export class Awake {
  private lock: WakeLockSentinel | null = null

  /** Hold the screen while `isWanted` and the page is seen; let it go otherwise. Never rejects. */
  async keep(isWanted: boolean): Promise<void> {
    try {
      if (isWanted && !this.lock && document.visibilityState === 'visible' && 'wakeLock' in navigator) {
        const lock = await navigator.wakeLock.request('screen')
        this.lock = lock
        lock.addEventListener('release', () => {
          if (this.lock === lock) this.lock = null
        })
      } else if (!isWanted && this.lock) {
        await this.lock.release()
      }
    } catch {
      /* the device may refuse, to save its battery */
    }
  }
}
