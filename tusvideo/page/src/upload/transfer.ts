// One upload on its way over tus: its requests, what each carries, and what their answers mean for it.
import { DetailedError, type HttpRequest, type HttpResponse, Upload } from 'tus-js-client'
import { problemOf } from '../shared/api'
import { t } from '../shared/i18n'
import { isReplacement, type Item, newId, saidIn } from './model'
import { Pace } from './pace'
import { Portions, reader } from './portions'

/** Then every half minute: whoever leaves the page open wants the file to arrive. */
const DELAYS_MS = [0, 1000, 2000, 4000, 8000, 15_000, ...Array<number>(240).fill(30_000)]

/** Who hears what becomes of it, until it is stopped. */
export interface Hears {
  /** The server gave it an address. */
  found(item: Item): void
  /** What was sent is gone from the server, and it begins anew. */
  lost(item: Item): void
  /** So many bytes were handed to the network. */
  moved(item: Item, sent: number): void
  /** A request failed and is made again by itself. */
  waits(item: Item): void
  arrived(item: Item): void
  /** It ended because the browser has no network. */
  cutOff(item: Item): void
  /** It ended; `isRefused`: for good, and the server has dropped it. */
  failed(item: Item, text: string, isRefused: boolean): void
}

export class Transfer {
  private readonly pace = new Pace()
  private readonly portions = new Portions()
  private readonly upload: Upload
  private isStopped = false

  /** Makes no request before `start`. */
  constructor(
    private readonly item: Item,
    private readonly owner: Hears,
  ) {
    this.upload = new Upload(item.file!, {
      endpoint: new URL('/files/', location.href).href,
      uploadUrl: item.url,
      chunkSize: this.portions.size,
      fileReader: reader,
      retryDelays: DELAYS_MS,
      metadata: item.metadata!,
      storeFingerprintForResuming: false,
      onBeforeRequest: (request) => {
        this.portions.before(request)
        if (request.getMethod() === 'POST') request.setHeader('Idempotency-Key', item.key)
      },
      onAfterResponse: (request, response) => {
        this.portions.after(request, response, this.upload)
        this.answered(request, response)
      },
      onUploadUrlAvailable: () => this.found(),
      onShouldRetry: (error) => this.shouldRetry(error, this.portions.shrink(error, this.upload)),
      onProgress: (sent) => this.moved(sent),
      onSuccess: () => {
        if (!this.isStopped) owner.arrived(item)
      },
      onError: (error) => this.stumble(error),
    })
  }

  /** Bytes a second, of late. */
  get speed(): number {
    return this.pace.speed
  }

  start(): void {
    if (!this.isStopped) this.upload.start()
  }

  /** End it; nothing more is heard of it. */
  async stop(): Promise<void> {
    this.isStopped = true
    await this.upload.abort()
  }

  private found(): void {
    if (!this.upload.url || this.isStopped) return
    this.item.url = new URL(this.upload.url, location.href).pathname
    this.owner.found(this.item)
  }

  private answered(request: HttpRequest, response: HttpResponse): void {
    const { item } = this
    const status = response.getStatus()
    if (request.getMethod() === 'HEAD' && (status === 404 || status === 410)) {
      // tus-js-client makes a new upload by itself; it must not find the old one by its key.
      Object.assign(item, { key: newId(), url: null, saved: saidIn(item.metadata!), sent: 0, notice: 'notice.expired' })
      this.owner.lost(item)
    }
    const place = response.getHeader('Content-Location')
    if (place) item.result = { url: place, filename: decodeURIComponent(place.split('/').at(-1) ?? '') }
  }

  private moved(sent: number): void {
    if (this.isStopped) return
    this.pace.note(sent)
    this.owner.moved(this.item, sent)
  }

  private shouldRetry(error: unknown, isTooLarge: boolean): boolean {
    const status = error instanceof DetailedError ? (error.originalResponse?.getStatus() ?? 0) : 0
    const again = navigator.onLine && (isTooLarge || status === 0 || status >= 500 || [409, 423, 429].includes(status)) && status !== 507
    if (again && !this.isStopped) this.owner.waits(this.item)
    if (again && status === 0) void this.checkFile()
    return again
  }

  /** A file that was changed or unplugged looks like a broken link to the browser's requests; reading it tells. */
  private async checkFile(): Promise<void> {
    try {
      await this.item.file?.slice(0, 1).arrayBuffer()
    } catch {
      if (this.isStopped) return
      await this.stop()
      this.item.file = null
      this.owner.failed(this.item, t('error.unreadable'), false)
    }
  }

  private stumble(error: Error | DetailedError): void {
    if (this.isStopped) return
    const { item, owner } = this
    const response = error instanceof DetailedError ? error.originalResponse : null
    if (!response && !navigator.onLine) return owner.cutOff(item)
    // Without an answer it is the link, or the file, which may have been changed or unplugged meanwhile.
    if (!response) return owner.failed(item, t(error instanceof DetailedError ? 'error.offline' : 'error.unreadable'), false)
    const problem = problemOf(response.getStatus(), response.getBody())
    const isVideoGone = problem.status === 404 && isReplacement(item) && !item.url
    owner.failed(item, isVideoGone ? t('error.videoGone') : problem.message, isVideoGone || [400, 403, 413, 415].includes(problem.status))
  }
}
