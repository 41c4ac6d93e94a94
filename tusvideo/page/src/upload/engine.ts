// The uploads of this tab: chosen, sent over tus, gone on with after a reload, and told to whoever draws them.
import type { Profile } from '../shared/api'
import { announce } from '../shared/chrome'
import { bytes, percent } from '../shared/format'
import { t } from '../shared/i18n'
import { Awake } from './awake'
import { bring, recall } from './draft'
import { isAllowed, isGranted } from './handles'
import { type Chosen, type Item, isLike, isReplacement, isVideo, itemOf, type Kept, kept, LIVE, metadataOf, newId, type Notice, saidIn, share, type State, titleOf } from './model'
import { rejoiced } from './notices'
import { isSame, storedOf } from './proof'
import { refusalOf } from './refusal'
import * as storage from './storage'
import * as tabs from './tabs'
import { Timers } from './timers'
import { type Hears, Transfer } from './transfer'

const AT_ONCE = 3
const DRAW_MS = 200
const KEEP_MS = 2_000
const DRAFT_MS = 700
const QUARTER = 0.25

export class Engine implements Hears {
  items: Item[] = []
  notices: Notice[] = []
  /** True in a browser that keeps nothing: what is not sent when the page goes has to be begun anew. */
  forgets = false
  private readonly transfers = new Map<string, Transfer>()
  private readonly timers = new Timers()
  private readonly awake = new Awake()
  private readonly listeners = new Set<() => void>()
  private drawing = false

  /** `isMine` tells which uploads this page shows, of those that the browser keeps. */
  constructor(
    public profiles: Profile[],
    private readonly isMine: (one: Kept) => boolean = (one) => !isReplacement(one),
  ) {
    addEventListener('online', () => this.online())
    addEventListener('offline', () => this.offline())
    addEventListener('beforeunload', (event) => {
      if (this.items.some((item) => LIVE.has(item.state))) event.preventDefault()
    })
    document.addEventListener('visibilitychange', () => this.stayAwake())
    tabs.listen((told) => void this.hear(told))
    setInterval(() => this.measure(), 500)
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Find what was begun before; what another tab sends is watched, what the browser still has a file for goes on. */
  async restore(): Promise<void> {
    this.forgets = !(await storage.isThere())
    if (this.forgets) this.changed()
    const records = await storage.all()
    if (this.forgets && (await storage.isThere())) { // it came late
      this.forgets = false
      for (const item of this.items) void this.keep(item)
    }
    const taken = await tabs.taken()
    for (const record of records) {
      if (!this.isMine(record) || this.items.some((one) => one.id === record.id)) continue // the reader was faster
      const item = itemOf(record)
      this.items.push(item)
      if (taken.has(item.id)) this.watch(item)
      else if (await isGranted(item.handle)) await this.open(item)
      else if (item.url) void this.ask(item, item.url)
    }
    this.changed()
  }

  /** What the server has is what counts; the browser had handed more to the network. */
  private async ask(item: Item, url: string): Promise<void> {
    const stored = await storedOf(url)
    if (stored === null || item.state !== 'needsFile') return
    item.sent = stored
    await recall(item)
    this.changed()
  }

  /** Take files in: those that were begun before go on, others wait for `send`. `replaces` names the video whose file
   * one is to become. */
  async choose(chosen: readonly Chosen[], profile: string, replaces: string | null = null): Promise<void> {
    let added = 0
    const doubles: string[] = []
    this.notices = this.notices.filter(({ kind }) => kind !== 'warn')
    for (const { file, handle } of chosen) {
      const like = this.items.find((item) => (item.replaces ?? null) === replaces && isLike(item, file) && item.state !== 'done' && item.failure?.canRetry !== false)
      if (like && (like.file === null || like.state === 'failed')) await this.attach(like, file, handle)
      else if (like) doubles.push(file.name)
      else if (this.add(file, handle, profile, replaces)) added += 1
    }
    if (added) announce(t('say.added', { count: added }))
    if (doubles.length) this.tell('warn', doubles.length === 1 ? t('say.double', { name: doubles[0]! }) : t('say.doubles', { count: doubles.length }))
    this.changed()
  }

  /** Send everything that waits for it. */
  send(): void {
    for (const item of this.items) if (item.state === 'chosen') this.queue(item)
  }

  /** Give an item the file that it lost with the page. */
  async attach(item: Item, file: File, handle: FileSystemFileHandle | null): Promise<void> {
    if (!isLike(item, file)) {
      return this.complain(t('error.otherFile', { name: item.name, size: bytes(item.size), other: file.name }))
    }
    const isDoubtful = file.lastModified !== item.lastModified
    if (isDoubtful && item.url && !(await isSame(file, item.url))) {
      return this.complain(t('error.changedFile', { name: item.name }))
    }
    item.file = file
    item.handle = handle ?? item.handle
    item.lastModified = file.lastModified
    item.failure = null
    if (!(await tabs.take(item.id))) {
      if (item.state !== 'elsewhere') this.watch(item)
      item.notice = 'notice.elsewhere'
      return this.changed()
    }
    void this.keep(item)
    if (item.metadata) return this.queue(item)
    this.judge(item, item.profile)
    this.changed()
  }

  /** Open the file by its handle; asks the reader for leave if it has to, so call it from a click. */
  async reopen(item: Item): Promise<boolean> {
    if (!item.handle) return false
    try {
      if (!(await isAllowed(item.handle))) return true
    } catch {
      return false
    }
    return this.open(item)
  }

  pause(item: Item): void {
    this.stop(item)
    this.set(item, 'paused')
    announce(t('say.paused', { name: item.name, percent: percent(share(item)) }))
    this.next()
  }

  /** Go on with a paused one, or try a failed one again, or do not wait any longer. */
  resume(item: Item): void {
    this.stop(item)
    item.failure = null
    if (!item.file) return this.set(item, 'needsFile')
    announce(t('say.resumed', { name: item.name }))
    this.queue(item)
  }

  /** Forget an upload here and on the server. A done one only leaves the list. */
  async remove(item: Item): Promise<void> {
    const stopped = this.stop(item)
    this.items = this.items.filter((other) => other !== item)
    this.changed()
    if (item.state !== 'done') {
      await stopped
      if (item.url) {
        await fetch(item.url, { method: 'DELETE', headers: { 'Tus-Resumable': '1.0.0' } }).catch(() => undefined)
      }
      announce(t('say.removed', { name: item.name }))
      tabs.tell({ id: item.id, what: 'removed' })
    }
    void storage.remove(item.id)
    tabs.release(item.id)
    this.next()
    this.changed()
  }

  /** Take those that are done out of the list. */
  clear(): void {
    for (const item of this.items.filter(({ state }) => state === 'done')) void this.remove(item)
  }

  /** Change title or description, at any time: kept here and on the server, soon. */
  describe(item: Item, change: { title?: string; description?: string }): void {
    Object.assign(item, change)
    item.draft = 'saving'
    this.timers.afterRest(`draft ${item.id}`, DRAFT_MS, () => void this.saveDraft(item))
    this.changed()
  }

  useProfile(profile: string): void {
    for (const item of this.items) if (item.state === 'chosen' || (item.state === 'failed' && !item.metadata)) this.judge(item, profile)
    this.changed()
  }

  complain(text: string): void {
    this.tell('bad', text)
  }

  private tell(kind: 'bad' | 'warn', text: string): void {
    if (!this.notices.some((notice) => notice.text === text)) this.notices.push({ id: newId(), kind, text })
    this.changed()
  }

  dismiss(notice: Notice): void {
    this.notices = this.notices.filter((other) => other !== notice)
    this.changed()
  }

  // ------------------------------------------------------------------------------------------------ into the list

  private add(file: File, handle: FileSystemFileHandle | null, profile: string, replaces: string | null): boolean {
    const item: Item = {
      ...itemOf({
        id: newId(),
        name: file.name,
        size: file.size,
        type: file.type,
        lastModified: file.lastModified,
        profile,
        title: isVideo(file) && !replaces ? titleOf(file.name) : '',
        description: '',
        url: null,
        key: newId(),
        metadata: null,
        sent: 0,
        createdAt: Date.now(),
        handle,
        replaces,
      }),
      state: 'chosen',
      file,
    }
    this.items.push(item)
    this.judge(item, profile)
    if (item.failure) return false
    void tabs.take(item.id)
    void this.keep(item)
    return true
  }

  private judge(item: Item, name: string): void {
    item.profile = name
    item.state = 'chosen'
    item.failure = null
    const profile = this.profiles.find((one) => one.name === name)
    const refusal = profile && refusalOf(item, profile)
    if (refusal) this.fail(item, refusal, false)
  }

  private async open(item: Item): Promise<boolean> {
    try {
      const file = await item.handle!.getFile()
      await this.attach(item, file, item.handle)
      return true
    } catch {
      item.handle = null // moved, renamed or gone: it has to be chosen
      this.changed()
      return false
    }
  }

  // ------------------------------------------------------------------------------------------------ on the way

  private queue(item: Item): void {
    this.set(item, navigator.onLine ? 'queued' : 'offline')
    this.next()
  }

  private next(): void {
    let running = this.items.filter((item) => item.state === 'sending' || item.state === 'waiting').length
    for (const item of this.items) {
      if (item.state !== 'queued' || running >= AT_ONCE) continue
      running += 1
      this.start(item)
    }
    this.stayAwake()
  }

  private start(item: Item): void {
    item.metadata ??= metadataOf(item)
    if (!item.url) item.saved = saidIn(item.metadata)
    item.notice = null
    this.set(item, 'sending')
    announce(t(item.url ? 'say.goesOn' : 'say.started', { name: item.name, percent: percent(share(item)) }))
    const transfer = new Transfer(item, this)
    this.transfers.set(item.id, transfer)
    // Kept with its key before its creation is sent, where the browser keeps anything: whatever is lost from here on, there
    // is one creation.
    void this.keep(item).then(() => transfer.start())
  }

  private stop(item: Item): Promise<void> | undefined {
    const stopped = this.transfers.get(item.id)?.stop()
    this.transfers.delete(item.id)
    return stopped
  }

  found(item: Item): void {
    void this.saveDraft(item)
  }

  lost(item: Item): void {
    void this.keep(item)
  }

  moved(item: Item, sent: number): void {
    if (!(item.state === 'sending' || item.state === 'waiting')) return
    const before = share(item)
    item.sent = sent
    item.state = 'sending'
    if (Math.floor(share(item) / QUARTER) > Math.floor(before / QUARTER) && share(item) < 1) {
      announce(t('say.progress', { name: item.name, percent: percent(share(item)) }))
    }
    this.timers.soon(`keep ${item.id}`, KEEP_MS, () => void this.keep(item, storage.note))
    this.changed()
  }

  waits(item: Item): void {
    if (item.state === 'sending') this.set(item, 'waiting')
  }

  cutOff(item: Item): void {
    this.set(item, 'offline')
  }

  failed(item: Item, text: string, isRefused: boolean): void {
    this.fail(item, text, !isRefused)
    if (!isRefused) return
    item.url = null // the server has dropped it
    void storage.remove(item.id)
  }

  arrived(item: Item): void {
    item.sent = item.size
    this.set(item, 'done')
    tabs.tell({ id: item.id, what: 'done' })
    void storage.remove(item.id)
    tabs.release(item.id)
    this.notices = rejoiced(this.notices, item)
    announce(t('say.done', { name: item.title || item.name }))
    void this.saveDraft(item).then(() => this.next())
  }

  private fail(item: Item, text: string, canRetry: boolean): void {
    item.failure = { text, canRetry }
    this.set(item, 'failed')
    this.next()
  }

  // ------------------------------------------------------------------------------------------------ draft

  /** Keep the texts here, and bring them to the server as soon as it knows the upload. */
  private async saveDraft(item: Item): Promise<void> {
    let said: Record<string, string>
    do {
      said = metadataOf(item)
      await this.keep(item)
      // What was typed meanwhile is kept first, too: after a reload the texts here must not be older than the server's.
    } while (said.title !== metadataOf(item).title || said.description !== metadataOf(item).description)
    try {
      await bring(item)
    } catch (error) {
      this.complain(t('error.draft', { name: item.name, reason: (error as Error).message }))
    }
    this.changed()
  }

  // ------------------------------------------------------------------------------------------------ other tabs, network

  private watch(item: Item): void {
    this.set(item, 'elsewhere')
    void tabs.waitFor(item.id).then(async () => {
      if (item.state !== 'elsewhere') return
      const record: Kept | undefined = await storage.get(item.id)
      if (!record) return this.hear({ id: item.id, what: 'done' })
      Object.assign(item, { url: record.url, sent: record.sent, metadata: record.metadata, key: record.key })
      item.state = 'needsFile'
      item.notice = null
      if (item.file) await this.attach(item, item.file, item.handle)
      else if (await isGranted(item.handle)) await this.open(item)
      else if (item.url) void this.ask(item, item.url)
      this.changed()
    })
  }

  private async hear(told: tabs.Told): Promise<void> {
    const item = this.items.find((one) => one.id === told.id)
    if (!item) {
      const record = told.what === 'progress' ? await storage.get(told.id) : undefined
      if (record && this.isMine(record) && !this.items.some((one) => one.id === told.id)) {
        const found = itemOf(record)
        this.items.push(found)
        this.watch(found)
      }
      return
    }
    if (told.what === 'removed') this.items = this.items.filter((one) => one !== item)
    else if (told.what === 'done' && (item.state === 'elsewhere' || item.state === 'needsFile')) this.set(item, 'done')
    else if (told.what === 'progress') {
      item.sent = told.sent ?? item.sent
      if (item.state === 'needsFile') this.watch(item)
    }
    this.changed()
  }

  private offline(): void {
    for (const item of this.items) {
      if (!LIVE.has(item.state)) continue
      this.stop(item)
      this.set(item, 'offline')
    }
    this.changed()
  }

  private online(): void {
    for (const item of this.items) if (item.state === 'offline') item.state = 'queued'
    this.next()
    this.changed()
  }

  private stayAwake(): void {
    void this.awake.keep(this.items.some((item) => LIVE.has(item.state)))
  }

  // ------------------------------------------------------------------------------------------------ small things

  private measure(): void {
    for (const item of this.items) {
      if (item.state !== 'sending') continue
      item.speed = this.transfers.get(item.id)?.speed ?? 0
      item.left = item.speed > 0 ? (item.size - item.sent) / item.speed : null
      tabs.tell({ id: item.id, what: 'progress', sent: item.sent })
      this.changed()
    }
  }

  private set(item: Item, state: State): void {
    item.state = state
    if (state !== 'sending') {
      item.speed = 0
      item.left = null
    }
    if (state !== 'done' && state !== 'elsewhere') void this.keep(item)
    this.stayAwake()
    this.changed()
  }

  private async keep(item: Item, put = storage.put): Promise<void> {
    const isRefused = item.state === 'failed' && !item.metadata
    if (!isRefused && item.state !== 'done' && this.items.includes(item)) await put(kept(item))
  }

  private changed(): void {
    if (this.drawing) return
    this.drawing = true
    setTimeout(() => {
      this.drawing = false
      for (const listener of this.listeners) listener()
    }, this.items.some((item) => item.state === 'sending') ? DRAW_MS : 0)
  }
}
