// One upload by tus-js-client. The job is JSON in the first argument, what happens is told as one JSON object a line:
//   package   name in node_modules      file      path of the file
//   modules   path of node_modules      stream    'node' or 'web': the client gets such a stream, not a path
//   storage   file for upload URLs      resume    true: look for a stored URL first
//   abortAt   bytes after which to stop, with terminate: also remove the upload
//   options   passed to tus.Upload
import { createReadStream } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'

const job = JSON.parse(process.argv[2])
const require = createRequire(pathToFileURL(join(job.modules, 'nowhere.cjs')))
const tus = require(job.package)
const { FileUrlStorage } = tus.FileUrlStorage ? tus : require(`${job.package}/node/FileUrlStorage`)

function tell(event, more) {
  process.stdout.write(`${JSON.stringify({ event, ...more })}\n`)
}

let aborting = false
const file = createReadStream(job.file)
const streams = {
  node: () => file.pipe(new PassThrough()),
  web: () => Readable.toWeb(file),
}
const upload = new tus.Upload(job.stream ? streams[job.stream]() : file, {
  // Not at once: what came before a cut may still be on its way to the server, and would be sent again.
  retryDelays: [400, 400, 800, 1600, 3200],
  urlStorage: new FileUrlStorage(job.storage),
  onBeforeRequest: (req) => {
    const fields = Object.fromEntries(['Upload-Length', 'X-Request-ID'].map((name) => [name, req.getHeader(name) ?? null]))
    tell('request', { method: req.getMethod(), url: req.getURL(), fields })
  },
  onAfterResponse: (req, res) => {
    const names = ['Location', 'Upload-Offset', 'Upload-Length', 'Upload-Defer-Length', 'Upload-Expires', 'X-Request-ID']
    const fields = Object.fromEntries(names.map((name) => [name, res.getHeader(name) ?? null]))
    tell('answer', { method: req.getMethod(), status: res.getStatus(), fields })
  },
  onProgress: (sent) => {
    if (aborting || job.abortAt === undefined || sent < job.abortAt) return
    aborting = true
    upload.abort(job.terminate).then(
      () => tell('aborted', { url: upload.url }),
      (error) => tell('error', { message: String(error), status: null }),
    )
  },
  onSuccess: () => tell('success', { url: upload.url }),
  onError: (error) => {
    tell('error', { message: String(error), status: error.originalResponse?.getStatus() ?? null })
  },
  ...job.options,
})

if (job.resume) {
  const found = await upload.findPreviousUploads()
  tell('found', { count: found.length })
  if (found.length) upload.resumeFromPreviousUpload(found[0])
}
upload.start()
