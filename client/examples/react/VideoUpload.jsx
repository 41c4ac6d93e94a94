// The upload form of the original as one React component: choose a video, see how far it is, stop it and go on, try again.
// It needs nothing but React and chunked-video-uploader.js beside it; styles are yours, by class name.
import { useEffect, useRef, useState } from 'react'
import { ChunkedVideoUploader } from '../web/chunked-video-uploader.js'

/**
 * `server` is the root of the tusvideo server, '' for the page's own. `onUploaded` gets `{ filename, title, record }`.
 */
export function VideoUpload({ server = '', token = null, profile = 'poster', onUploaded = () => {} }) {
  const [file, setFile] = useState(null)
  const [title, setTitle] = useState('')
  const [state, setState] = useState('idle') // idle, sending, stopped, failed or done
  const [percent, setPercent] = useState(0)
  const [message, setMessage] = useState('')
  const stop = useRef(null)

  useEffect(() => () => stop.current?.abort(), []) // nobody is there any more to hear of it
  useWarning(state === 'sending')

  function choose(event) {
    setFile(event.target.files[0] ?? null)
    setState('idle')
    setPercent(0)
    setMessage('')
  }

  async function send(event) {
    event.preventDefault()
    const uploader = new ChunkedVideoUploader(server, { token, profile })
    const { signal } = (stop.current = new AbortController())
    setState('sending')
    setMessage('Uploading …')
    try {
      const filename = await uploader.uploadVideo({ file, onProgress: setPercent, onError: setMessage, signal })
      const record = title.trim() ? await uploader.describeVideo({ filename, title, profile, signal }) : null
      setState('done')
      setMessage(`Uploaded as ${filename}.`)
      onUploaded({ filename, title, record })
    } catch (error) {
      setState(signal.aborted ? 'stopped' : 'failed')
      setMessage(signal.aborted ? `Stopped at ${percent} %. What was sent stays there.` : error.message)
    }
  }

  const isSending = state === 'sending'
  return (
    <form className="video-upload" onSubmit={send}>
      <label>
        Video <input type="file" accept="video/*" onChange={choose} disabled={isSending} required />
      </label>
      <label>
        Title <input value={title} onChange={(event) => setTitle(event.target.value)} maxLength={200} />
      </label>
      <progress max={100} value={percent} aria-label={file ? `Upload of ${file.name}` : 'Upload'} />
      <output className="video-upload-percent">{percent} %</output>
      {isSending ? (
        <button type="button" onClick={() => stop.current.abort()}>
          Stop
        </button>
      ) : (
        <button type="submit" disabled={!file || state === 'done'}>
          {state === 'stopped' || state === 'failed' ? 'Go on' : 'Upload'}
        </button>
      )}
      <p role={state === 'failed' ? 'alert' : 'status'}>{message}</p>
    </form>
  )
}

/** Ask before the page is left, but only while something would be interrupted. */
function useWarning(isWanted) {
  useEffect(() => {
    if (!isWanted) return undefined
    const warn = (event) => event.preventDefault()
    addEventListener('beforeunload', warn)
    return () => removeEventListener('beforeunload', warn)
  }, [isWanted])
}
