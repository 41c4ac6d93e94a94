// The records of published videos, as the server tells them.
import { ask } from '../shared/api'

export interface Video {
  id: string
  profile: string
  filename: string
  title: string
  description: string
  /** The path of the file. */
  url: string
  /** The path of the file for players: the same, or one with the index in front. */
  play: string
  size: number
  contentType: string
  createdAt: string
  state: 'checking' | 'ready' | 'failed'
  reason: string | null
  /** Seconds; this and what follows is null while nobody knows it. */
  duration: number | null
  width: number | null
  height: number | null
  rotation: number | null
  videoCodec: string | null
  audioCodec: string | null
  thumbnail: string | null
  captions: Captions[]
  /** The name that the file had with who sent it; it is downloaded under it. */
  originalName: string
  /** The path that saves the file instead of showing it. */
  download: string
}
/** Captions of a video in one language, a BCP 47 tag. */
export interface Captions {
  language: string
  label: string
  /** The path of the WebVTT. */
  url: string
  size: number
}
/** One that is on its way, from whatever device. */
export interface Upload {
  id: string
  /** `ready` for a minute after its file was published. */
  state: 'uploading' | 'paused' | 'checking' | 'ready' | 'failed'
  reason: string | null
  filename: string
  title: string
  offset: number
  /** Null while nobody said. */
  length: number | null
  expiresAt: string | null
  /** The record of its file, once there is one. */
  videoId: string | null
  /** The video whose file it is to become; null for one of its own. */
  replaces: string | null
}
export interface Page {
  videos: Video[]
  /** Null at the end of the list. */
  cursor: string | null
  /** How many there are in all that match. */
  total: number
}
export type Change = Partial<Pick<Video, 'title' | 'description' | 'originalName'>>

export const SORTS = ['newest', 'oldest', 'title', 'largest', 'longest'] as const
export type Sort = (typeof SORTS)[number]
export interface Query {
  /** Words that title, description or file name must have. */
  q: string
  sort: Sort
}

/** What has a record is in the list of videos. */
export const isOnItsWay = ({ state, videoId }: Upload): boolean => state !== 'ready' && !videoId
export const isPlayable = (video: Video): boolean => /^(video|audio)\//.test(video.contentType)

/** Ask for a piece of the list, after `cursor` if that is given. */
export function listed(query: Query, limit: number, cursor: string | null, signal: AbortSignal): Promise<Page> {
  const wanted = new URLSearchParams({ limit: String(limit), sort: query.sort })
  if (query.q) wanted.set('q', query.q)
  if (cursor) wanted.set('cursor', cursor)
  return ask('GET', `/api/videos?${wanted}`, undefined, signal)
}

export const one = (id: string): Promise<Video> => ask('GET', `/api/videos/${id}`)
export const change = (id: string, what: Change): Promise<Video> => ask('PATCH', `/api/videos/${id}`, what)
export const remove = (id: string): Promise<void> => ask('DELETE', `/api/videos/${id}?file=1`)
export const restore = (id: string): Promise<Video> => ask('POST', `/api/videos/${id}/restore`)
export const putCaptions = (id: string, language: string, label: string, file: Blob): Promise<Video> =>
  ask('PUT', `/api/videos/${id}/captions/${language}?${new URLSearchParams({ label })}`, file)
export const removeCaptions = (id: string, language: string): Promise<void> => ask('DELETE', `/api/videos/${id}/captions/${language}`)
export const uploads = async (): Promise<Upload[]> => (await ask<{ uploads: Upload[] }>('GET', '/api/uploads')).uploads
