// The upload form of the original as one React component: choose a video, see how far it is, stop it and go on, try again.
// It needs nothing but React and the module beside it, which a tusvideo server also gives at /chunked-video-uploader.js;
// styles are yours, by class name.
import { useEffect, useRef, useState } from 'react'
import { ChunkedVideoUploader } from '../web/chunked-video-uploader.js'

/**
 * `server` is the root of the tusvideo server, '' for the page's own. `onUploaded` gets `{ filename, title, description,
 * record }`; there is no record without a title.
 */
export function VideoUpload({ server = '', token = null, profile = 'poster', onUploaded = () => {} }) {
  const [file, setFile] = useState(null)
  const [about, setAbout] = useState({ title: '', description: '' })
  const [state, setState] = useState('idle') // idle, sending, stopped, failed or done
  const [percent, setPercent] = useState(0)
  const [failure, setFailure] = useState('')
  const stop = useRef(null)
  const typed = useRef(about) // what is typed while bytes flow counts, too
  const stored = useRef(null) // the final name; known before the record is made, which may fail by itself

  useEffect(() => () => stop.current?.abort(), []) // nobody is there any more to hear of it
  useWarning(state === 'sending')

  function choose(event) {
    stored.current = null
    setFile(event.target.files[0] ?? null)
    setState('idle')
    setPercent(0)
  }

  function describe(change) {
    typed.current = { ...typed.current, ...change }
    setAbout(typed.current)
  }

  async function send(event) {
    event.preventDefault()
    const uploader = new ChunkedVideoUploader(server, { token, profile })
    const { signal } = (stop.current = new AbortController())
    setState('sending')
    try {
      stored.current ??= await uploader.uploadVideo({ file, onProgress: setPercent, onError: setFailure, signal })
      const filename = stored.current
      const { title, description } = typed.current
      const record = title.trim() ? await uploader.describeVideo({ filename, title, description, profile, signal }) : null
      setState('done')
      onUploaded({ filename, title, description, record })
    } catch (error) {
      setFailure(error.message)
      setState(signal.aborted ? 'stopped' : 'failed')
    }
  }

  const isSending = state === 'sending'
  const messages = {
    sending: 'Uploading …',
    stopped: `Stopped at ${percent} %. What was sent stays there.`,
    done: `Uploaded as ${stored.current}.`,
  }
  return (
    <form className={`video-upload ${state}`} onSubmit={send}>
      <p>
        <label>
          Video
          <br />
          <input type="file" accept="video/*" onChange={choose} disabled={isSending} required />
        </label>
      </p>
      <p>
        <label>
          Title
          <br />
          <input value={about.title} onChange={(event) => describe({ title: event.target.value })} maxLength={200} />
        </label>
      </p>
      <p>
        <label>
          Description
          <br />
          <textarea value={about.description} onChange={(event) => describe({ description: event.target.value })} maxLength={5000} />
        </label>
      </p>
      <p>
        <progress max={100} value={percent} aria-label={file ? `Upload of ${file.name}` : 'Upload'} />{' '}
        <span className="video-upload-percent" aria-hidden="true">
          {percent} %
        </span>
      </p>
      <p>
        {/* Two buttons, told apart by their keys: one that became "submit" while it is clicked would submit at once. */}
        {isSending ? (
          <button key="stop" type="button" onClick={() => stop.current.abort()}>
            Stop
          </button>
        ) : (
          <button key="send" type="submit" disabled={!file || state === 'done'}>
            {state === 'stopped' || state === 'failed' ? 'Go on' : 'Upload'}
          </button>
        )}
      </p>
      <p role="status">{messages[state] ?? ''}</p>
      {state === 'failed' && <p role="alert">{failure}</p>}
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
