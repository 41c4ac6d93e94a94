// Title and description of an upload: kept on the server from the first moment, so that they outlive this browser.
import { ask } from '../shared/api'
import type { Item } from './model'

/** Bring to the server what it does not have yet, and note how that went. Rejects with ApiError. */
export async function bring(item: Item): Promise<void> {
  const wanted = { title: item.title.trim(), description: item.description }
  const isSaved = item.saved?.title === wanted.title && item.saved.description === wanted.description
  if (isSaved || !wanted.title || !item.url) {
    item.draft = isSaved ? 'saved' : 'kept'
    return
  }
  try {
    await ask('PATCH', `/api/uploads/${item.url.split('/').at(-1)}`, wanted)
    item.saved = wanted
    item.draft = item.title.trim() === wanted.title && item.description === wanted.description ? 'saved' : 'saving'
  } catch (error) {
    // It is tried again with the next change, and when the file is there: only then it is a failure.
    item.draft = item.state === 'done' ? 'failed' : 'kept'
    if (item.state === 'done') throw error
  }
}
