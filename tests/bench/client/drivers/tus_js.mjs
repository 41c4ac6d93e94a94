// tus-js-client with more retries, a stored URL and a token that is read anew for every request:
// node tus_js.mjs NODE_MODULES URL FILE STATE TOKEN-FILE
import { createReadStream, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [modules, url, file, state, token] = process.argv.slice(2)
const require = createRequire(pathToFileURL(join(modules, 'nowhere.cjs')))
const tus = require('tus-js-client')

const upload = new tus.Upload(createReadStream(file), {
  endpoint: `${url}/files/`,
  metadata: { filename: basename(file) },
  // Counted from the last progress.
  retryDelays: [0, 500, 1000, 2000, 4000, 8000, 16000, 30000],
  urlStorage: new tus.FileUrlStorage(join(state, 'urls.json')),
  onBeforeRequest: (req) => req.setHeader('Authorization', `Bearer ${readFileSync(token, 'utf8')}`),
  onSuccess: () => process.exit(0),
  onError: (error) => {
    process.stderr.write(`${error}\n`)
    process.exit(1)
  },
})
const found = await upload.findPreviousUploads()
if (found.length) upload.resumeFromPreviousUpload(found[0])
upload.start()
