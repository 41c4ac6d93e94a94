// What the page knows of the library: the records, which of them the list shows, and what is being done to them.
import { ApiError } from '../shared/api'
import { announce } from '../shared/chrome'
import { t } from '../shared/i18n'
import { type Change, change, listed, one, type Page, type Query, type Video } from './records'

const AT_ONCE = 24
/** The most that the server gives at once. */
const MOST = 100
const SOON_MS = 300

export type Opened = Video | 'loading' | 'missing' | { failure: string }
export interface Told {
  id: number
  kind: 'good' | 'bad'
  text: string
}

export class Library {
  query: Query | null = null
  ids: string[] = []
  total: number | null = null
  state: 'loading' | 'ready' | 'failed' = 'loading'
  failure = ''
  /** Of the button at the end of the list. */
  more: 'none' | 'there' | 'loading' = 'none'
  told: Told[] = []
  /** Of the video that the reader went to from the list: there the focus belongs on the way back. */
  left: string | null = null
  private cursor: string | null = null
  private readonly records = new Map<string, Opened>()
  private readonly listeners = new Set<() => void>()
  private asking: AbortController | null = null
  private refreshing: ReturnType<typeof setTimeout> | undefined
  private count = 0

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

  /** Show what matches a query; what is shown stays until the answer is there. */
  async list(query: Query): Promise<void> {
    if (this.query && this.query.q === query.q && this.query.sort === query.sort && this.state !== 'failed') return
    const isFirst = this.query === null || this.state === 'failed'
    this.query = query
    if (isFirst) this.state = 'loading'
    await this.load(AT_ONCE)
    if (!isFirst && this.state === 'ready') announce(t('say.found', { count: this.total ?? this.ids.length }))
  }

  /** Show what comes after what is shown. */
  async showMore(): Promise<void> {
    if (this.more !== 'there' || !this.query) return
    const signal = this.ask()
    this.more = 'loading'
    this.changed()
    try {
      const page = await listed(this.query, AT_ONCE, this.cursor, signal)
      const known = new Set(this.ids)
      this.take(page, [...this.ids, ...page.videos.map(({ id }) => id).filter((id) => !known.has(id))])
    } catch (error) {
      if (signal.aborted) return
      this.more = 'there'
      this.complain((error as Error).message)
    }
  }

  /** Ask again for what is shown, soon: several reasons make one question. */
  refresh(): void {
    clearTimeout(this.refreshing)
    this.refreshing = setTimeout(() => {
      if (this.query && this.more !== 'loading') void this.load(Math.max(AT_ONCE, this.ids.length))
    }, SOON_MS)
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
      this.put(id, await one(id))
    } catch (error) {
      this.put(id, error instanceof ApiError && error.status === 404 ? 'missing' : { failure: (error as Error).message })
    }
  }

  /** Rejects with ApiError. */
  async change(id: string, what: Change): Promise<void> {
    const video = await change(id, what)
    this.put(id, video)
    this.tell('good', t('say.saved', { title: video.title }))
  }

  complain(text: string): void {
    this.tell('bad', text)
  }

  dismiss(told: Told): void {
    this.told = this.told.filter((other) => other !== told)
    this.changed()
  }

  tell(kind: Told['kind'], text: string): void {
    this.told.push({ id: (this.count += 1), kind, text })
    if (kind === 'good') announce(text)
    this.changed()
  }

  private async load(wanted: number): Promise<void> {
    const signal = this.ask()
    try {
      let page = await listed(this.query!, Math.min(MOST, wanted), null, signal)
      const found = [...page.videos]
      while (page.cursor && found.length < wanted) {
        page = await listed(this.query!, Math.min(MOST, wanted - found.length), page.cursor, signal)
        found.push(...page.videos)
      }
      this.take({ ...page, videos: found }, found.map(({ id }) => id))
    } catch (error) {
      if (signal.aborted) return
      this.failure = (error as Error).message
      // What is shown is better than nothing; of what the reader asked for just now, nothing is shown.
      if (this.state === 'ready') this.complain(this.failure)
      else this.state = 'failed'
      this.changed()
    }
  }

  /** Only the last question counts. */
  private ask(): AbortSignal {
    this.asking?.abort()
    this.asking = new AbortController()
    return this.asking.signal
  }

  private take(page: Page, ids: string[]): void {
    for (const video of page.videos) this.records.set(video.id, video)
    this.ids = [...new Set(ids)]
    this.cursor = page.cursor
    this.total = page.total ?? null
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
