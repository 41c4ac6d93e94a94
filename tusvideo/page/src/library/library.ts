// What the page knows of the library: the records, which of them the list shows, and what is being done to them.
import { ApiError } from '../shared/api'
import { announce } from '../shared/chrome'
import { t } from '../shared/i18n'
import * as records from './records'
import type { Added } from './captions'
import type { Change, Page, Query, Upload, Video } from './records'

const AT_ONCE = 24
/** The most that the server gives at once. */
const MOST = 100
const SOON_MS = 300

export type Opened = Video | 'loading' | 'missing' | { failure: string }
export interface Told {
  id: number
  kind: 'good' | 'bad'
  text: string
  /** The video that was deleted, and can be brought back for a while. */
  deleted?: Video
}

export class Library {
  query: Query | null = null
  ids: string[] = []
  total = 0
  /** There is nothing at all, so that nothing can be looked for. */
  isEmpty = false
  state: 'loading' | 'ready' | 'failed' = 'loading'
  failure = ''
  /** Of the button at the end of the list. */
  more: 'none' | 'there' | 'loading' = 'none'
  /** On their way, newest first. */
  uploads: Upload[] = []
  told: Told[] = []
  /** Of the video that the reader went to from the list: there the focus belongs on the way back. */
  left: string | null = null
  private cursor: string | null = null
  private readonly records = new Map<string, Opened>()
  private readonly listeners = new Set<() => void>()
  private asking: AbortController | null = null
  /** Something changed while a question was on its way: its answer may be old. */
  private isOld = false
  private refreshing: ReturnType<typeof setTimeout> | undefined
  private count = 0

  constructor(private readonly undoSeconds: number | null) {}

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  videos(): Video[] {
    return this.ids.map((id) => this.records.get(id)).filter(isVideo)
  }

  opened(id: string): Opened {
    return this.records.get(id) ?? 'loading'
  }

  /** What is on its way to become the file of a video, from whatever device. */
  newFileOf(id: string): Upload | null {
    return this.uploads.find((upload) => upload.replaces === id && upload.state !== 'failed' && records.isOnItsWay(upload)) ?? null
  }

  /** Show what matches a query; what is shown stays until the answer is there. */
  async list(query: Query): Promise<void> {
    if (this.query && this.query.q === query.q && this.query.sort === query.sort && this.state !== 'failed') return
    const isFirst = this.query === null || this.state === 'failed'
    this.query = query
    if (isFirst) this.state = 'loading'
    await this.load(AT_ONCE)
    if (!isFirst && this.state === 'ready') announce(t('say.found', { count: this.total }))
  }

  /** Show what comes after what is shown. */
  async showMore(): Promise<void> {
    if (this.more !== 'there' || !this.query) return
    const signal = this.ask()
    this.more = 'loading'
    this.changed()
    try {
      const page = await records.listed(this.query, AT_ONCE, this.cursor, signal)
      const known = new Set(this.ids)
      this.take(page, [...this.ids, ...page.videos.map(({ id }) => id).filter((id) => !known.has(id))])
    } catch (error) {
      if (signal.aborted) return
      this.more = 'there'
      this.complain((error as Error).message)
    }
    this.answered(signal)
  }

  /** Ask again for what is shown, soon: several reasons make one question. */
  refresh(milliseconds = SOON_MS): void {
    clearTimeout(this.refreshing)
    this.refreshing = setTimeout(() => {
      if (this.asking) this.isOld = true
      else if (this.query) void this.load(Math.max(AT_ONCE, this.ids.length), { isQuiet: true })
    }, milliseconds)
  }

  /** Try the list again after a failure. */
  async retry(): Promise<void> {
    this.state = 'loading'
    this.changed()
    await this.load(AT_ONCE)
  }

  /** Have the record of a video; ask for it if nobody did, or if asking failed. */
  async open(id: string): Promise<void> {
    const known = this.records.get(id)
    if (known && known !== 'missing' && !isFailure(known)) return
    this.put(id, 'loading')
    try {
      this.put(id, await records.one(id))
    } catch (error) {
      this.put(id, error instanceof ApiError && error.status === 404 ? 'missing' : { failure: (error as Error).message })
    }
  }

  /** Rejects with ApiError. */
  async change(id: string, what: Change): Promise<void> {
    const video = await records.change(id, what)
    this.put(id, video)
    this.tell('good', t('say.saved', { title: video.title }))
  }

  /** Take captions away, and give others. Rejects with ApiError; what was done until then is done, and may be asked again. */
  async captions(id: string, removed: Iterable<string>, added: Iterable<Added>): Promise<void> {
    for (const language of removed) {
      await records.removeCaptions(id, language).catch((error: unknown) => {
        if (!(error instanceof ApiError && error.status === 404)) throw error // else somebody else removed them
      })
    }
    for (const { language, label, file } of added) this.put(id, await records.putCaptions(id, language, label, file))
  }

  /** Delete a video with its file; for a while it can be brought back. */
  async remove(video: Video): Promise<void> {
    try {
      await records.remove(video.id)
    } catch (error) {
      return this.complain((error as Error).message)
    }
    this.videoGone(video.id)
    this.tell('good', t('say.deleted', { title: video.title }), video)
    announce(`${t('say.deleted', { title: video.title })} ${t('say.undo')}`)
  }

  async restore(told: Told): Promise<void> {
    this.dismiss(told)
    const { id, title } = told.deleted!
    try {
      this.put(id, await records.restore(id))
      this.refresh(0)
      announce(t('say.restored', { title }))
    } catch (error) {
      const isLate = error instanceof ApiError && [404, 410].includes(error.status)
      this.complain(isLate ? t('error.tooLate', { title }) : (error as Error).message)
    }
  }

  complain(text: string): void {
    this.tell('bad', text)
  }

  /** How long a deletion's notice stays: as long as it can be taken back, with time for the way. */
  get undoMilliseconds(): number | undefined {
    return this.undoSeconds === null ? undefined : Math.max(1, this.undoSeconds - 1) * 1000
  }

  dismiss(told: Told): void {
    this.told = this.told.filter((other) => other !== told)
    this.changed()
  }

  tell(kind: Told['kind'], text: string, deleted?: Video): void {
    this.told.push({ id: (this.count += 1), kind, text, ...(deleted ? { deleted } : {}) })
    if (kind === 'good') announce(text)
    this.changed()
  }

  // ------------------------------------------------------------------------------------------------ what is heard

  upload(upload: Upload): void {
    const at = this.uploads.findIndex(({ id }) => id === upload.id)
    if (at < 0) this.uploads = [upload, ...this.uploads]
    else this.uploads = this.uploads.with(at, upload)
    this.changed()
  }

  uploadGone(id: string): void {
    this.uploads = this.uploads.filter((upload) => upload.id !== id)
    this.changed()
  }

  video(video: Video): void {
    if (!this.ids.includes(video.id)) this.refresh()
    this.put(video.id, video)
  }

  videoGone(id: string): void {
    if (this.ids.includes(id)) this.total -= 1
    this.ids = this.ids.filter((other) => other !== id)
    this.put(id, 'missing')
  }

  /** Nobody told what happened meanwhile: everything that is shown is asked for again. */
  stale(): void {
    this.refresh(0)
    void records.uploads().then(
      (uploads) => {
        this.uploads = uploads
        this.changed()
      },
      () => undefined, // asked again soon; what is shown is old, and the page says so when it is offline
    )
  }

  private async load(wanted: number, { isQuiet = false } = {}): Promise<void> {
    const signal = this.ask()
    try {
      let page = await records.listed(this.query!, Math.min(MOST, wanted), null, signal)
      const found = [...page.videos]
      while (page.cursor && found.length < wanted) {
        page = await records.listed(this.query!, Math.min(MOST, wanted - found.length), page.cursor, signal)
        found.push(...page.videos)
      }
      this.take({ ...page, videos: found }, found.map(({ id }) => id))
    } catch (error) {
      if (signal.aborted) return
      this.failure = (error as Error).message
      // What is shown is better than nothing; of what the reader asked for just now, nothing is shown.
      if (this.state !== 'ready') this.state = 'failed'
      else if (!isQuiet) this.complain(this.failure)
      this.changed()
    }
    this.answered(signal)
  }

  /** Only the last question counts. */
  private ask(): AbortSignal {
    this.asking?.abort()
    this.asking = new AbortController()
    return this.asking.signal
  }

  private answered(signal: AbortSignal): void {
    if (signal.aborted) return
    this.asking = null
    if (this.isOld) this.refresh(0)
    this.isOld = false
  }

  private take(page: Page, ids: string[]): void {
    for (const video of page.videos) this.records.set(video.id, video)
    this.ids = [...new Set(ids)]
    this.cursor = page.cursor
    this.total = page.total
    this.isEmpty = page.total === 0 && this.query?.q === ''
    this.state = 'ready'
    this.more = page.cursor ? 'there' : 'none'
    this.changed()
  }

  private put(id: string, record: Opened): void {
    this.records.set(id, record)
    this.changed()
  }

  private changed(): void {
    for (const listener of this.listeners) listener()
  }
}

export const isVideo = (one: Opened | undefined): one is Video => typeof one === 'object' && 'url' in one
const isFailure = (one: Opened): boolean => typeof one === 'object' && 'failure' in one
