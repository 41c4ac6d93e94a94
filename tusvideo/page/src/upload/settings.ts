// What the server takes, so that the page can say it before anything is sent.
import { ask, type Profile, type Settings } from '../shared/api'

const VIDEO = ['mp4', 'mov', 'webm', 'm4v', 'mkv', 'avi', 'mpeg', 'ogv', '3gp', 'ts']
const GIB = 2 ** 30
/** As the server comes; used when it cannot be asked. It judges every upload again in any case. */
const BUILT_IN: Profile[] = [
  { name: 'video', types: VIDEO, extensions: VIDEO, maxSize: 20 * GIB, chunkSize: 2 ** 20, visibility: 'private' },
  { name: 'poster', types: VIDEO, extensions: VIDEO, maxSize: 50 * 2 ** 20, chunkSize: 2 ** 20, visibility: 'public' },
  { name: 'files', types: null, extensions: null, maxSize: 20 * GIB, chunkSize: 2 ** 20, visibility: 'private' },
]
const ORDER = ['video', 'poster', 'listing']

export async function settings(): Promise<Profile[]> {
  let profiles = BUILT_IN
  try {
    const told = (await ask<Settings>('GET', '/api/settings')).profiles
    profiles = told.map((one) => ({ ...one, extensions: one.extensions && one.extensions.map((ending) => ending.replace(/^\./, '')) }))
  } catch {
    /* built in */
  }
  const rank = (one: Profile): number => (one.name === 'files' ? 99 : ORDER.indexOf(one.name) < 0 ? 50 : ORDER.indexOf(one.name))
  return [...profiles].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))
}
