// Title and description of an upload: kept on the server from the first moment, so that they outlive this browser.
import { ask } from '../shared/api'
import type { Item } from './model'

const place = (url: string): string => `/api/uploads/${url.split('/').at(-1)}`
/** What a creation says is there once it was answered: only then there is an address. */
const isSaved = (item: Item): boolean =>
  item.url !== null && item.saved?.title === item.title.trim() && item.saved.description === item.description

/** Ask which texts the server has, when they are known from this browser's memory only; what it does not say is not told. */
export async function recall(item: Item): Promise<void> {
  if (!item.url) return
  try {
    const { title, description } = await ask<{ title: string | null; description: string | null }>('GET', place(item.url))
    item.saved = { title: title ?? '', description: description ?? '' }
    item.draft = isSaved(item) ? 'saved' : 'kept'
  } catch {
    // Unreachable, or gone: the upload itself will find out.
  }
}

/** Bring to the server what it does not have yet, and note how that went. Rejects with ApiError. */
export async function bring(item: Item): Promise<void> {
  const wanted = { title: item.title.trim(), description: item.description }
  if (isSaved(item) || !wanted.title || !item.url) {
    item.draft = isSaved(item) ? 'saved' : 'kept'
    return
  }
  try {
    await ask('PATCH', place(item.url), wanted)
    item.saved = wanted
    item.draft = isSaved(item) ? 'saved' : 'saving'
  } catch (error) {
    // It is tried again with the next change, and when the file is there: only then it is a failure.
    item.draft = item.state === 'done' ? 'failed' : 'kept'
    if (item.state === 'done') throw error
  }
}
