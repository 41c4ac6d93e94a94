// Is a file that was chosen again the one whose beginning the server has? Its name and size say so; when its date does
// not, the bytes decide: the last of those that are stored are compared by their SHA-256.
import { ask } from '../shared/api'

const MOST_BYTES = 4 * 1024 * 1024

/** Ask where an upload stands on the server; null when it is gone or cannot be asked. */
export async function storedOf(url: string): Promise<number | null> {
  try {
    const answer = await fetch(url, { method: 'HEAD', headers: { 'Tus-Resumable': '1.0.0' } })
    const offset = answer.headers.get('Upload-Offset')
    return answer.ok && offset !== null ? Number(offset) : null
  } catch {
    return null
  }
}

/** True when it is the same, as far as can be told; false when the bytes differ. */
export async function isSame(file: File, url: string): Promise<boolean> {
  const stored = await storedOf(url)
  if (stored === null) return true // the upload itself will find out
  const start = Math.max(0, stored - MOST_BYTES)
  if (!stored || stored > file.size || !globalThis.crypto?.subtle) return true
  let told: { digest: string; to: number }
  try {
    told = await ask('GET', `${url}/digest?from=${start}&to=${stored}`)
  } catch {
    return true // gone in between
  }
  const digest = await crypto.subtle.digest('SHA-256', await file.slice(start, stored).arrayBuffer())
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('') === told.digest
}
