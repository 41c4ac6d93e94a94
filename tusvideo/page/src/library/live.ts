// What changes on the server, told as it changes by server-sent events; where those do not come, it is asked for again
// and again. A hidden tab hears nothing: a browser has few connections to a server, and they are for who looks.
import type { Upload, Video } from './records'

const ASK_AGAIN_MS = 5_000
const TRY_AGAIN_MS = 60_000

export interface Hearer {
  upload(upload: Upload): void
  uploadGone(id: string): void
  video(video: Video): void
  videoGone(id: string): void
  /** What is shown may be old: nobody told what happened meanwhile. */
  stale(): void
}

export function listen(to: string, hearer: Hearer): void {
  let source: EventSource | null = null
  let asking: ReturnType<typeof setInterval> | undefined
  let trying: ReturnType<typeof setTimeout> | undefined

  const ask = (): void => {
    asking ??= setInterval(() => navigator.onLine && hearer.stale(), ASK_AGAIN_MS)
  }
  const dontAsk = (): void => {
    clearInterval(asking)
    asking = undefined
  }
  const close = (): void => {
    source?.close()
    source = null
    dontAsk()
    clearTimeout(trying)
  }
  const open = (): void => {
    close()
    const mine = new EventSource(to)
    source = mine
    const on = <T>(name: string, tell: (data: T) => void): void => {
      mine.addEventListener(name, (event: MessageEvent<string>) => tell(JSON.parse(event.data) as T))
    }
    on<Upload>('upload', (upload) => hearer.upload(upload))
    on<{ id: string }>('upload_gone', ({ id }) => hearer.uploadGone(id))
    on<Video>('video', (video) => hearer.video(video))
    on<{ id: string }>('video_gone', ({ id }) => hearer.videoGone(id))
    mine.onopen = () => {
      dontAsk()
      hearer.stale()
    }
    mine.onerror = () => {
      ask()
      // A lost line is tried again by the browser; after an answer that was none, by us.
      if (mine.readyState === EventSource.CLOSED) trying = setTimeout(open, TRY_AGAIN_MS)
    }
  }

  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()))
  if (!document.hidden) open()
}
