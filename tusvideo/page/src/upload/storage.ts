// What outlives the tab: unfinished uploads in IndexedDB, which also keeps handles of files where the browser has them.
import type { Kept } from './model'

const NAME = 'tusvideo'
const TABLE = 'uploads'
const KEPT_DAYS = 30
/** A browser that has not answered by then is taken for one that keeps nothing: no upload waits for it. */
const PATIENCE_MS = 3_000

let opened: Promise<IDBDatabase | null> | undefined

/** Null where the browser keeps nothing (private windows of some): uploads then live as long as the tab. */
function database(): Promise<IDBDatabase | null> {
  opened ??= new Promise((resolve) => {
    setTimeout(() => resolve(null), PATIENCE_MS)
    try {
      const request = indexedDB.open(NAME, 1)
      request.onupgradeneeded = () => request.result.createObjectStore(TABLE, { keyPath: 'id' })
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => resolve(null)
    } catch {
      resolve(null)
    }
  })
  return opened
}

async function run<T>(mode: IDBTransactionMode, work: (table: IDBObjectStore) => IDBRequest<T>, durability: IDBTransactionDurability = 'strict'): Promise<T | undefined> {
  const db = await database()
  if (!db) return undefined
  return new Promise((resolve) => {
    setTimeout(() => resolve(undefined), PATIENCE_MS)
    const transaction = db.transaction(TABLE, mode, { durability })
    const request = work(transaction.objectStore(TABLE))
    transaction.oncomplete = () => resolve(request.result)
    transaction.onabort = transaction.onerror = () => resolve(undefined)
  })
}

/** Tell whether anything is kept. */
export async function isThere(): Promise<boolean> {
  return (await database()) !== null
}
export async function all(): Promise<Kept[]> {
  const found = (await run<Kept[]>('readonly', (table) => table.getAll())) ?? []
  const oldest = Date.now() - KEPT_DAYS * 86_400_000
  for (const old of found.filter((one) => one.createdAt < oldest)) void remove(old.id)
  return found.filter((one) => one.createdAt >= oldest).sort((a, b) => a.createdAt - b.createdAt)
}
export async function get(id: string): Promise<Kept | undefined> {
  return run<Kept>('readonly', (table) => table.get(id))
}
export async function put(record: Kept): Promise<void> {
  await run('readwrite', (table) => table.put(record))
}
/** As `put`, for what would be no loss in a power cut: it need not wait for the disk, which has an upload to read. */
export async function note(record: Kept): Promise<void> {
  await run('readwrite', (table) => table.put(record), 'relaxed')
}
export async function remove(id: string): Promise<void> {
  await run('readwrite', (table) => table.delete(id))
}
