// Is a file that was chosen again the one whose beginning the server has? Its name and size say so; when its date does
// not, the bytes decide: the last of those that are stored are compared by their SHA-256.
import { ask } from '../shared/api'

const MOST_BYTES = 4 * 1024 * 1024

/** True when it is the same, as far as can be told; false when the bytes differ. */
export async function isSame(file: File, url: string, stored: number): Promise<boolean> {
  const start = Math.max(0, stored - MOST_BYTES)
  if (!stored || !globalThis.crypto?.subtle) return true
  let told: { digest: string; to: number }
  try {
    told = await ask('GET', `${url}/digest?from=${start}&to=${stored}`)
  } catch {
    return true // it is not there any more, or has less: the upload itself will find out
  }
  const digest = await crypto.subtle.digest('SHA-256', await file.slice(start, stored).arrayBuffer())
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('') === told.digest
}
