// One upload by client/examples/web/chunked-video-uploader.js. The job is JSON in the first argument, what happens is told
// as one JSON object a line:
//   url, file   server and path of the file      storage   file that stands for localStorage
//   options     of ChunkedVideoUploader          title     makes the record, too
//   replaces    id of a record
import { File } from 'node:buffer'
import { openAsBlob, readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { ChunkedVideoUploader } from '../../client/examples/web/chunked-video-uploader.js'

const job = JSON.parse(process.argv[2])
const tell = (event, more) => process.stdout.write(`${JSON.stringify({ event, ...more })}\n`)
const kept = () => JSON.parse(readFileSync(job.storage, 'utf8'))
const keep = (values) => writeFileSync(job.storage, JSON.stringify(values))
const storage = {
  getItem: (key) => kept()[key] ?? null,
  setItem: (key, value) => keep({ ...kept(), [key]: value }),
  removeItem: (key) => keep(Object.fromEntries(Object.entries(kept()).filter(([name]) => name !== key))),
}

const file = new File([await openAsBlob(job.file)], basename(job.file), { lastModified: 1 })
const uploader = new ChunkedVideoUploader(job.url, { storage, ...job.options })
try {
  const onProgress = (percent) => tell('progress', { percent })
  const filename = await uploader.uploadVideo({ file, replaces: job.replaces, onProgress, onError: (text) => tell('error', { text }) })
  const record = job.title ? await uploader.describeVideo({ filename, title: job.title }) : null
  tell('success', { filename, record })
} catch (error) {
  tell('failure', { name: error.name, status: error.status, message: error.message })
}
