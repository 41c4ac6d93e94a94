// ChunkedVideoUploader for browsers: a video goes up in numbered chunks, and goes on after cuts, reloads and restarts.
// One file, no dependency, no build: serve it with your own pages.
//
//   import { ChunkedVideoUploader } from './chunked-video-uploader.js'
//
//   const uploader = new ChunkedVideoUploader('https://uploads.example.org')
//   const filename = await uploader.uploadVideo({ file, onProgress: (percent) => …, onError: (text) => … })
//   await uploader.describeVideo({ filename, title: 'A house by the sea' })

export const CHUNK_SIZE = 1024 * 1024
export const RETRY_SECONDS = [1, 2, 4]
export const STALL_SECONDS = 30

const HASHED = 64 * 1024
const LONGEST_WAIT_SECONDS = 60
const RETRIED = new Set([408, 423, 425, 429, 500, 502, 503, 504])
const LOST = new Set([404, 410])
const OTHER_FILE = new Set(['chunk_conflict', 'fact_conflict'])
const WRONG_BYTES = 422

/** Why an upload ended. `status` is that of the answer, 0 when none came; `code` is the server's word for it. */
export class UploadError extends Error {
  constructor(message, { status = 0, code = '', document = {}, retryAfter = 0 } = {}) {
    super(message)
    this.name = 'UploadError'
    Object.assign(this, { status, code, document, retryAfter })
  }

  /** True when the same request may work a little later. */
  get isPassing() {
    return this.status === 0 || RETRIED.has(this.status)
  }
}

/**
 * Uploads videos over the documented routes: chunk, finalize, metadata.
 *
 * `baseUrl` is the root of the server, '' for the one that the page came from. `token` is a bearer token, or a function
 * (may be async) that gives one. `storage` remembers unfinished uploads (getItem, setItem, removeItem); the browser's
 * localStorage unless told otherwise, null for none.
 */
export class ChunkedVideoUploader {
  #base
  #token
  #api
  #chunkSize
  #retrySeconds
  #stallSeconds
  #storage

  constructor(baseUrl = '', options = {}) {
    const { token = null, profile = 'poster', chunkSize = CHUNK_SIZE, storage = browserStorage() } = options
    if (!Number.isInteger(chunkSize) || chunkSize < 1) {
      throw new RangeError(`chunkSize must be a whole number of bytes, not ${chunkSize}`)
    }
    this.#base = baseUrl.replace(/\/+$/, '')
    this.#api = `${this.#base}/api/${encodeURIComponent(profile)}/video`
    this.#token = token
    this.#chunkSize = chunkSize
    this.#retrySeconds = options.retrySeconds ?? RETRY_SECONDS
    this.#stallSeconds = options.stallSeconds ?? STALL_SECONDS
    this.#storage = storage
  }

  /**
   * Upload a video (a File or a Blob) and give the name under which the server stored it.
   *
   * Called again with the same file, also after a reload, it goes on from what the server has. `onProgress` is told whole
   * per cents of what is stored: rising, and 100 at the very end. `onError` is told what went wrong, once, before the
   * promise is rejected with an UploadError. `signal` (an AbortSignal) stops it; what is stored stays for the next call.
   * `replaces` is the id of a record whose file this one is to become: it keeps its id and its texts.
   */
  async uploadVideo({ file, replaces = null, onProgress = () => {}, onError = () => {}, signal = null }) {
    try {
      return await this.#upload(file, replaces, rising(onProgress), signal)
    } catch (error) {
      if (!signal?.aborted) onError(error.message)
      throw error
    }
  }

  /** Make the record of a stored video, or change it; gives the record. A description that is not given stays as it is. */
  async describeVideo({ filename, title, description, profile, signal = null }) {
    const body = JSON.stringify({ filename, title, description, ...(profile && { profile }) })
    return this.#tried(() => this.#json('POST', `${this.#base}/api/videos/metadata`, body, signal), signal)
  }

  async #upload(file, replaces, onProgress, signal) {
    if (!file.size) throw new UploadError('The file is empty.')
    const key = (await keyOf(file, this.#api)) + (replaces ? `:${replaces}` : '')
    const state = { ...(this.#remembered(key) ?? this.#begun(key)), facts: replaces ? { replaces } : {} }
    onProgress(0)
    for (let begunAnew = false; ; begunAnew = true) {
      try {
        const filename = await this.#sent(file, state, onProgress, signal)
        this.#forget(key)
        onProgress(100)
        return filename
      } catch (error) {
        if (begunAnew || !(LOST.has(error.status) || OTHER_FILE.has(error.code))) throw error
        Object.assign(state, this.#begun(key)) // it expired, or is not of this file: once more, from the beginning
      }
    }
  }

  /** Send what the server does not have yet, then put it together; gives the final name. */
  async #sent(file, state, onProgress, signal) {
    const total = Math.ceil(file.size / state.chunkSize)
    const stored = new Set()
    const tell = () => onProgress(Math.min(99, Math.floor((100 * bytesOf(stored, state, file)) / file.size)))
    if (state.isResumed) {
      const known = await this.#tried(() => this.#known(state, signal), signal)
      if (known.filename) return known.filename
      known.indexes.forEach((index) => stored.add(index))
    }
    for (;;) {
      tell()
      for (let index = 0; index < total; index += 1) {
        if (stored.has(index)) continue
        await this.#tried(async (attempt) => {
          // It may have arrived though its answer did not: ask before sending it twice.
          if (attempt) (await this.#known(state, signal)).indexes.forEach((each) => stored.add(each))
          if (!stored.has(index)) await this.#put(file, state, index, total, signal)
        }, signal)
        stored.add(index)
        tell()
      }
      const body = JSON.stringify({ uploadId: state.uploadId, filename: nameOf(file), totalChunks: total, ...state.facts })
      try {
        const done = await this.#tried(() => this.#json('POST', `${this.#api}/finalize`, body, signal), signal)
        return done.filename
      } catch (error) {
        const missing = error.document?.missing
        if (error.status !== 409 || !missing?.length) throw error
        missing.forEach((index) => stored.delete(index))
      }
    }
  }

  /** Ask which chunks are stored, and under which name if all is done. */
  async #known({ uploadId }, signal) {
    let found
    try {
      found = await this.#json('GET', `${this.#api}/chunk?uploadId=${uploadId}`, null, signal)
    } catch (error) {
      if (error.status === 404) return { indexes: [] } // nothing arrived yet
      throw error
    }
    const indexes = found.received.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, n) => first + n))
    return { indexes, filename: found.filename }
  }

  async #put(file, { uploadId, chunkSize, facts }, index, total, signal) {
    const chunk = file.slice(index * chunkSize, (index + 1) * chunkSize)
    const form = new FormData()
    // The fields come first: the server judges them before it stores a byte.
    const fields = { uploadId, chunkIndex: index, totalChunks: total, chunkSize, fileSize: file.size, ...facts }
    Object.entries(fields).forEach(([name, value]) => form.append(name, value))
    const checksum = await sha256(chunk)
    if (checksum) form.append('checksum', checksum)
    form.append('chunk', chunk, nameOf(file))
    try {
      await this.#json('POST', `${this.#api}/chunk`, form, signal)
    } catch (error) {
      // Bytes that were changed on the way may come unchanged the next time.
      if (error.status === WRONG_BYTES) error.status = 0
      throw error
    }
  }

  /** Do something, and again when it fails for a passing reason; `attempt` counts from 0. */
  async #tried(action, signal) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await action(attempt)
      } catch (error) {
        if (signal?.aborted || !error.isPassing || attempt >= this.#retrySeconds.length) throw error
        await pause(Math.max(this.#retrySeconds[attempt], Math.min(error.retryAfter, LONGEST_WAIT_SECONDS)), signal)
        await online(signal)
      }
    }
  }

  async #json(method, url, body, signal) {
    const token = typeof this.#token === 'function' ? await this.#token() : this.#token
    const headers = { Accept: 'application/json', ...(token && { Authorization: `Bearer ${token}` }) }
    if (typeof body === 'string') headers['Content-Type'] = 'application/json'
    const send = typeof XMLHttpRequest === 'undefined' ? sendByFetch : sendByXhr
    const answer = await send(method, url, { headers, body, stallSeconds: this.#stallSeconds, signal })
    const document = parsed(answer.text)
    if (answer.status >= 200 && answer.status < 300) return document
    const message = document.error ?? document.detail ?? `The server answered with status ${answer.status}.`
    const retryAfter = Number(answer.retryAfter) || 0
    throw new UploadError(message, { status: answer.status, code: document.code, document, retryAfter })
  }

  #begun(key) {
    const state = { uploadId: randomId(), chunkSize: this.#chunkSize, isResumed: false }
    try {
      this.#storage?.setItem(key, JSON.stringify({ uploadId: state.uploadId, chunkSize: state.chunkSize }))
    } catch {
      // no room: the upload itself needs none, only a reload would begin anew
    }
    return state
  }

  #remembered(key) {
    const { uploadId, chunkSize } = parsed(this.#storage?.getItem(key) ?? '')
    return /^[A-Za-z0-9_-]{1,128}$/.test(uploadId) && chunkSize > 0 ? { uploadId, chunkSize, isResumed: true } : null
  }

  #forget(key) {
    this.#storage?.removeItem(key)
  }
}

// ------------------------------------------------------------------------------------------------------------ requests

/** With XMLHttpRequest, because `fetch` in browsers does not tell how far a body got. */
function sendByXhr(method, url, { headers, body, stallSeconds, signal }) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return void reject(aborted(signal))
    const request = new XMLHttpRequest()
    const watch = stallWatch(stallSeconds, () => request.abort())
    const fail = (text) => () => reject(signal?.aborted ? aborted(signal) : new UploadError(text))
    const stop = () => request.abort()
    request.open(method, url)
    Object.entries(headers).forEach(([name, value]) => request.setRequestHeader(name, value))
    request.upload.onprogress = watch.moved
    request.onprogress = watch.moved
    request.onload = () => {
      const retryAfter = request.getResponseHeader('Retry-After')
      resolve({ status: request.status, text: request.responseText, retryAfter })
    }
    request.onerror = fail('The connection to the server broke.')
    request.onabort = fail(`Nothing moved for ${stallSeconds} seconds.`)
    request.onloadend = () => {
      watch.end()
      signal?.removeEventListener('abort', stop)
    }
    signal?.addEventListener('abort', stop)
    request.send(body)
  })
}

/** Outside of browsers. A form is sent as a stream, which tells by itself how far it got. */
async function sendByFetch(method, url, { headers, body, stallSeconds, signal }) {
  const stopped = new AbortController()
  const watch = stallWatch(stallSeconds, () => stopped.abort())
  const stop = () => stopped.abort()
  signal?.addEventListener('abort', stop)
  try {
    if (signal?.aborted) throw aborted(signal)
    const init = { method, headers, body, signal: stopped.signal }
    if (body instanceof FormData) {
      const encoded = new Response(body)
      const counted = new TransformStream({ transform: (piece, out) => (watch.moved(), out.enqueue(piece)) })
      const type = { 'Content-Type': encoded.headers.get('Content-Type') }
      Object.assign(init, { headers: { ...headers, ...type }, body: encoded.body.pipeThrough(counted), duplex: 'half' })
    }
    const answer = await fetch(url, init)
    return { status: answer.status, text: await answer.text(), retryAfter: answer.headers.get('Retry-After') }
  } catch (error) {
    if (signal?.aborted) throw aborted(signal)
    const text = watch.isOver() ? `Nothing moved for ${stallSeconds} seconds.` : 'The connection to the server broke.'
    throw new UploadError(text)
  } finally {
    watch.end()
    signal?.removeEventListener('abort', stop)
  }
}

/** Call `giveUp` when nothing has moved for so long. */
function stallWatch(seconds, giveUp) {
  let isOver = false
  const over = () => {
    isOver = true
    giveUp()
  }
  let timer = setTimeout(over, seconds * 1000)
  const end = () => clearTimeout(timer)
  const moved = () => {
    end()
    if (!isOver) timer = setTimeout(over, seconds * 1000)
  }
  return { moved, end, isOver: () => isOver }
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(aborted(signal))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, seconds * 1000)
    signal?.addEventListener('abort', stop, { once: true })
  })
}

/** Wait until there is a network again, where somebody tells; being offline costs no retries. */
function online(signal) {
  if (globalThis.navigator?.onLine !== false || typeof addEventListener !== 'function') return Promise.resolve()
  return new Promise((resolve, reject) => {
    addEventListener('online', resolve, { once: true })
    signal?.addEventListener('abort', () => reject(aborted(signal)), { once: true })
  })
}

function aborted(signal) {
  return signal.reason ?? new DOMException('The upload was stopped.', 'AbortError')
}

// --------------------------------------------------------------------------------------------------------------- values

function rising(tell) {
  let told = -1
  return (percent) => {
    if (percent > told) tell((told = percent))
  }
}

function bytesOf(stored, { chunkSize }, file) {
  let bytes = 0
  stored.forEach((index) => (bytes += Math.min(chunkSize, file.size - index * chunkSize)))
  return bytes
}

function nameOf(file) {
  return file.name || 'video'
}

/** Name an upload of this file for the next visit: by its facts, its first and its last bytes, so that an edited file is another one. */
async function keyOf(file, api) {
  const ends = [file.slice(0, HASHED), file.slice(Math.max(0, file.size - HASHED))]
  const digest = (await sha256(new Blob(ends))) ?? ''
  return `tusvideo:${api}:${nameOf(file)}:${file.size}:${file.lastModified ?? 0}:${digest}`
}

/** Hex digits; null where a page is not trusted with it (no TLS): the server then believes what arrives. */
async function sha256(blob) {
  if (!globalThis.crypto?.subtle) return null
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer())
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function parsed(text) {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

function browserStorage() {
  try {
    return globalThis.localStorage ?? null
  } catch {
    return null // a browser that keeps nothing of this page
  }
}
