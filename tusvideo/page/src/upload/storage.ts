// What outlives the tab: unfinished uploads in IndexedDB, which also keeps handles of files where the browser has them.
import type { Kept } from './model'

const NAME = 'tusvideo'
const TABLE = 'uploads'
const KEPT_DAYS = 30
/** A browser that has not answered by then is taken for one that keeps nothing, until it does: no upload waits for it. */
const PATIENCE_MS = 3_000

let opened: Promise<IDBDatabase | null> | undefined
let patience: Promise<null> | undefined

/** Null where the browser keeps nothing (private windows of some): uploads then live as long as the tab. */
function database(): Promise<IDBDatabase | null> {
  opened ??= new Promise((resolve) => {
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

/** As `database`, and null as long as it is not there when patience is at its end. */
function databaseSoon(): Promise<IDBDatabase | null> {
  patience ??= new Promise((resolve) => setTimeout(() => resolve(null), PATIENCE_MS))
  return Promise.race([database(), patience])
}

/** What is read is waited for, however long: no answer is not the answer that nothing is kept. */
async function read<T>(work: (table: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> {
  const db = await database()
  return db ? run(db, 'readonly', work) : undefined
}

async function write<T>(work: (table: IDBObjectStore) => IDBRequest<T>, durability: IDBTransactionDurability = 'strict'): Promise<void> {
  const db = await databaseSoon()
  if (!db) return
  await Promise.race([run(db, 'readwrite', work, durability), new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))])
}

function run<T>(db: IDBDatabase, mode: IDBTransactionMode, work: (table: IDBObjectStore) => IDBRequest<T>, durability: IDBTransactionDurability = 'default'): Promise<T | undefined> {
  return new Promise((resolve) => {
    const transaction = db.transaction(TABLE, mode, { durability })
    const request = work(transaction.objectStore(TABLE))
    transaction.oncomplete = () => resolve(request.result)
    transaction.onabort = transaction.onerror = () => resolve(undefined)
  })
}

/** Tell whether anything is kept, as far as is known in time. */
export async function isThere(): Promise<boolean> {
  return (await databaseSoon()) !== null
}
export async function all(): Promise<Kept[]> {
  const found = (await read<Kept[]>((table) => table.getAll())) ?? []
  const oldest = Date.now() - KEPT_DAYS * 86_400_000
  for (const old of found.filter((one) => one.createdAt < oldest)) void remove(old.id)
  return found.filter((one) => one.createdAt >= oldest).sort((a, b) => a.createdAt - b.createdAt)
}
export async function get(id: string): Promise<Kept | undefined> {
  return read<Kept>((table) => table.get(id))
}
export async function put(record: Kept): Promise<void> {
  await write((table) => table.put(record))
}
/** As `put`, for what would be no loss in a power cut: it need not wait for the disk, which has an upload to read. */
export async function note(record: Kept): Promise<void> {
  await write((table) => table.put(record), 'relaxed')
}
export async function remove(id: string): Promise<void> {
  await write((table) => table.delete(id))
}
