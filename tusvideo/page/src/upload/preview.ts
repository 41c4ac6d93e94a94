// A frame of a video that is still on this device, drawn without sending anything.

export interface Preview {
  canvas: HTMLCanvasElement
  duration: number
  width: number
  height: number
}

const PATIENCE_MS = 8_000
const WIDTH = 320

let last: Promise<unknown> = Promise.resolve()

/** Draw a frame near the beginning; null when this browser cannot play the file. One at a time: decoding is dear. */
export function preview(file: File): Promise<Preview | null> {
  const mine = last.then(() => draw(file)).catch(() => null)
  last = mine
  return mine
}

async function draw(file: File): Promise<Preview | null> {
  const video = document.createElement('video')
  const url = URL.createObjectURL(file)
  video.muted = true
  video.preload = 'auto'
  video.playsInline = true
  try {
    video.src = url
    await happens(video, 'loadeddata')
    const { duration, videoWidth: width, videoHeight: height } = video
    if (!width || !height) return null
    if (Number.isFinite(duration) && duration > 0.2) {
      video.currentTime = Math.min(1, duration / 4)
      await happens(video, 'seeked')
    }
    const canvas = document.createElement('canvas')
    canvas.width = WIDTH
    canvas.height = Math.round((WIDTH * height) / width)
    canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height)
    return { canvas, duration, width, height }
  } finally {
    video.removeAttribute('src')
    video.load()
    URL.revokeObjectURL(url)
  }
}

function happens(video: HTMLVideoElement, name: 'loadeddata' | 'seeked'): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('too slow')), PATIENCE_MS)
    const end = (done: () => void) => () => {
      clearTimeout(timer)
      done()
    }
    video.addEventListener(name, end(resolve), { once: true })
    video.addEventListener('error', end(() => reject(new Error('cannot be played'))), { once: true })
  })
}
