// How much one request carries. Each costs a pause (the server makes its bytes durable, then says so), so on a fast line
// it carries more: what goes through in some seconds. That is also the most that is sent again when a proxy lost it.
import { DetailedError, type FileReader, type HttpRequest, type HttpResponse, type Upload } from 'tus-js-client'

const MIB = 2 ** 20
/** Fits through proxies that take at most 100 MB a request. */
const LEAST = 50 * MIB
const MOST = 1024 * MIB
const FULL_MS = 5_000
const THIS_MACHINE = /^(localhost|127(\.\d+){3}|\[::1\])$/

export class Portions {
  /** Bytes of the next request. With a server on this machine nobody is between who could lose or limit it. */
  size: number
  private most: number
  private began = 0

  constructor(
    host = location.hostname,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.size = THIS_MACHINE.test(host) ? Infinity : LEAST
    this.most = Math.max(this.size, MOST)
  }

  before(request: HttpRequest): void {
    if (request.getMethod() === 'PATCH') this.began = this.now()
  }

  /** What went through in half the time is followed by twice as much. */
  after(request: HttpRequest, response: HttpResponse, upload: Upload): void {
    const isThrough = request.getMethod() === 'PATCH' && response.getStatus() === 204
    if (isThrough && this.now() - this.began < FULL_MS / 2) this.size = Math.min(this.most, this.size * 2)
    upload.options.chunkSize = this.size
  }

  /** After a request that was refused as too large, or got no answer, smaller ones follow, for good; false when size was
   * no reason. */
  shrink(error: unknown, upload: Upload): boolean {
    if (!(error instanceof DetailedError) || error.originalRequest?.getMethod() !== 'PATCH') return false
    if (![0, 413].includes(error.originalResponse?.getStatus() ?? 0) || this.size === LEAST) return false
    this.size = this.most = upload.options.chunkSize = LEAST
    return true
  }
}

/** A file that is wanted whole is given as it is: Chromium then reads it from the disk where it sends it, while a slice,
 * even of everything, goes through two more processes. */
export const reader: FileReader = {
  openFile: async (file: File) => ({
    size: file.size,
    slice: async (start: number, end: number) => ({
      value: start === 0 && end >= file.size ? file : file.slice(start, end),
      done: end >= file.size,
    }),
    close: () => undefined,
  }),
}
