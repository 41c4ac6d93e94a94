// What the page knows about a file that is to be sent, is being sent, or was.

export type State =
  | 'chosen' // waits for "Upload"
  | 'queued' // waits for its turn
  | 'sending'
  | 'waiting' // the link broke; it is tried again by itself
  | 'offline' // the browser has no network; goes on when it has
  | 'paused'
  | 'needsFile' // begun before the page was loaded; the browser must be given the file again
  | 'elsewhere' // another tab sends it
  | 'done'
  | 'failed'

/** Of this page's own making, or the server's sentence. */
export interface Failure {
  text: string
  /** False when sending the same file again cannot help. */
  canRetry: boolean
}

export interface Result {
  url: string
  filename: string
}

/** Kept in the browser until the upload is done or removed. */
export interface Kept {
  id: string
  name: string
  size: number
  type: string
  lastModified: number
  profile: string
  title: string
  description: string
  /** The upload's address, once the server gave one. */
  url: string | null
  /** Of the creation: the server gives the same upload for the same key, also when its first answer was lost. */
  key: string
  /** What the creation said; the same again when it is repeated. */
  metadata: Record<string, string> | null
  sent: number
  createdAt: number
  handle: FileSystemFileHandle | null
  /** Id of the video whose file it is to become; absent or null for one of its own. */
  replaces?: string | null
}

export interface Item extends Kept {
  state: State
  speed: number
  /** Seconds, null while nobody can tell. */
  left: number | null
  file: File | null
  failure: Failure | null
  /** A key of the texts: something happened that the reader should know, and that was no failure. */
  notice: string | null
  result: Result | null
  /** The title and description that the server has; null while that is not known. */
  saved: { title: string; description: string } | null
  draft: 'saved' | 'saving' | 'kept' | 'failed'
}

export interface Chosen {
  file: File
  handle: FileSystemFileHandle | null
}

/** Something the reader must see, and that belongs to no upload. */
export interface Notice {
  id: string
  kind: 'good' | 'bad' | 'warn'
  text: string
  /** Of so many uploads. */
  count?: number
}

export const LIVE: ReadonlySet<State> = new Set(['queued', 'sending', 'waiting'])

export const isLike = (item: Kept, file: File): boolean => item.name === file.name && item.size === file.size
/** Each page goes on with what was begun in it: replacements in the library, all others on the upload page. */
export const isReplacement = ({ replaces }: Kept): boolean => Boolean(replaces)
export const share = (item: Item): number => (item.state === 'done' ? 1 : item.size ? item.sent / item.size : 0)

const VIDEO = /\.(mp4|m4v|mov|webm|mkv|avi|mpe?g|ogv|3gp|ts)$/i
export const isVideo = (file: { name: string; type: string }): boolean => file.type.startsWith('video/') || VIDEO.test(file.name)

const OTHER_ENDINGS: Record<string, string> = { '3g2': '3gp', m2ts: 'ts', mpg: 'mpeg', mts: 'ts', ogg: 'ogv', qt: 'mov' }
const ENDINGS = new Set(['mp4', 'mov', 'webm', 'm4v', 'mkv', 'avi', 'mpeg', 'ogv', '3gp', 'ts'])

/** May the content be of one of these types, as far as the name tells? A video with a strange name may be anything. */
export function mayBe(file: { name: string; type: string }, extensions: readonly string[]): boolean {
  const ending = /\.([^.]+)$/.exec(file.name)?.[1]?.toLowerCase() ?? ''
  const kind = OTHER_ENDINGS[ending] ?? ending
  return extensions.includes(kind) || (file.type.startsWith('video/') && !ENDINGS.has(kind))
}

/** "My_holiday-2024.mp4" → "My holiday 2024". */
export const titleOf = (name: string): string =>
  name.replace(/\.[^.]*$/, '').replace(/[_-]+/g, ' ').replace(/\s+/g, ' ').trim().slice(0, 200)

/** 32 hex digits, also where the page is not on https. */
export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function kept(item: Item): Kept {
  const { id, name, size, type, lastModified, profile, title, description, url, key, metadata, sent, createdAt, handle, replaces = null } = item
  return { id, name, size, type, lastModified, profile, title, description, url, key, metadata, sent, createdAt, handle, replaces }
}

/** What a creation says of a file. */
export const metadataOf = (item: Kept): Record<string, string> => ({
  filename: item.name,
  ...(item.type ? { filetype: item.type } : {}),
  profile: item.profile,
  ...(item.title.trim() ? { title: item.title.trim() } : {}),
  ...(item.description ? { description: item.description } : {}),
  ...(item.replaces ? { replaces: item.replaces } : {}),
})

/** What the server has of the texts once a creation said so. */
export const saidIn = (metadata: Record<string, string>): Item['saved'] => ({ title: metadata.title ?? '', description: metadata.description ?? '' })

export function itemOf(from: Kept): Item {
  return { ...from, state: 'needsFile', speed: 0, left: null, file: null, failure: null, notice: null, result: null, saved: null, draft: 'kept' }
}
