// Videos that get another file from this browser. It is sent by what the upload page sends with, which is fetched when it
// is first wanted; after a reload it goes on as it does there.
import { ask } from '../shared/api'
import { t } from '../shared/i18n'
import type { Engine } from '../upload/engine'
import { type Chosen, type Item, isReplacement } from '../upload/model'
import { refusalOf } from '../upload/refusal'
import * as storage from '../upload/storage'
import { isVideo, type Library } from './library'
import { one, type Upload, type Video } from './records'

export class Replacing {
  private engine: Engine | null = null
  private loading: Promise<Engine> | undefined
  /** By video, for when it is not there any more. */
  private readonly titles = new Map<string, string>()
  private readonly listeners = new Set<() => void>()

  constructor(private readonly library: Library) {}

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** What was begun before the page was loaded, and is not done. */
  async restore(): Promise<void> {
    if ((await storage.all()).some(isReplacement)) await (await this.load()).restore()
  }

  /** The new file of a video, as far as it is on its way from here. */
  of(id: string): Item | null {
    return this.engine?.items.findLast(({ replaces, state }) => replaces === id && state !== 'done') ?? null
  }

  /** What sends; only where there is an item. */
  get sender(): Engine {
    return this.engine!
  }

  /** Say why a video cannot get a file, as far as its name and size tell; null if it may. Rejects when offline. */
  async refusal(video: Video, file: File): Promise<string | null> {
    const profile = (await this.load()).profiles.find(({ name }) => name === video.profile)
    return profile ? refusalOf(file, profile) : null
  }

  async begin(video: Video, chosen: Chosen): Promise<void> {
    const engine = await this.load()
    this.titles.set(video.id, video.title)
    for (const old of engine.items.filter(({ replaces }) => replaces === video.id)) await engine.remove(old)
    await engine.choose([chosen], video.profile, video.id)
    engine.send()
  }

  private load(): Promise<Engine> {
    this.loading ??= import('./sending').then(
      async ({ make }) => {
        const engine = await make()
        this.engine = engine
        engine.subscribe(() => this.hear(engine))
        return engine
      },
    )
    this.loading.catch(() => {
      this.loading = undefined // tried again with the next click
    })
    return this.loading
  }

  private hear(engine: Engine): void {
    for (const item of engine.items.filter(({ state }) => state === 'done')) {
      void engine.remove(item)
      void this.finish(item)
    }
    for (const notice of engine.notices) {
      if (notice.kind !== 'good') this.library.complain(notice.text)
      engine.dismiss(notice)
    }
    for (const listener of this.listeners) listener()
  }

  /** The bytes are there; the video has them, unless somebody deleted it meanwhile. */
  private async finish(item: Item): Promise<void> {
    const id = item.replaces!
    const known = this.library.opened(id)
    const title = isVideo(known) ? known.title : (this.titles.get(id) ?? item.name)
    try {
      const upload = item.url && (await ask<Upload>('GET', `/api/uploads/${item.url.split('/').at(-1)}`))
      if (upload && upload.videoId !== id) this.library.complain(t('say.kept', { title }))
      else {
        this.library.video(await one(id))
        this.library.tell('good', t('say.replaced', { title }))
      }
    } catch {
      /* it is told by the stream of events, too */
    }
    this.library.refresh(0)
  }
}
