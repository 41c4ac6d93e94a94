// Several tabs of the same browser: one of them sends an upload, the others watch.

/** What a tab tells the others. */
export interface Told {
  id: string
  what: 'progress' | 'done' | 'removed'
  sent?: number
}

const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('tusvideo') : null

export function tell(told: Told): void {
  channel?.postMessage(told)
}
export function listen(listener: (told: Told) => void): void {
  channel?.addEventListener('message', (event: MessageEvent<Told>) => listener(event.data))
}

const name = (id: string): string => `tusvideo:${id}`
const releases = new Map<string, () => void>()

/** Take an upload for this tab; false when another one has it. Where the browser has no locks everybody gets it. */
export async function take(id: string): Promise<boolean> {
  if (releases.has(id) || !('locks' in navigator)) return true
  return new Promise((resolve) => {
    void navigator.locks.request(name(id), { ifAvailable: true }, (lock) => {
      resolve(lock !== null)
      return lock && held(id)
    })
  })
}

/** Wait until the tab that has an upload is closed or done with it. */
export async function waitFor(id: string): Promise<void> {
  if (!('locks' in navigator)) return
  await navigator.locks.request(name(id), () => undefined)
}

/** Tell which uploads other tabs have. */
export async function taken(): Promise<Set<string>> {
  if (!('locks' in navigator)) return new Set()
  const { held: locks = [] } = await navigator.locks.query()
  return new Set(locks.map((lock) => (lock.name ?? '').replace('tusvideo:', '')))
}

export function release(id: string): void {
  releases.get(id)?.()
  releases.delete(id)
}

function held(id: string): Promise<void> {
  return new Promise((resolve) => releases.set(id, resolve))
}
