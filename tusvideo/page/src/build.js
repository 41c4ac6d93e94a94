// Builds every page into a folder of its own, ../static/{page}: index.html, hashed files, their .br and .gz, and the
// licences of what others wrote. The module that pages of others import is laid beside them as it is. The same sources give
// the same bytes.
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, brotliDecompressSync, constants, gunzipSync, gzipSync } from 'node:zlib'
import { build } from 'vite'

const HERE = dirname(fileURLToPath(import.meta.url))
const STATIC = join(HERE, '..', 'static')
const PAGES = ['upload', 'library']
const UPLOADER = join(HERE, '..', '..', '..', 'client', 'examples', 'web', 'chunked-video-uploader.js')
const LEAST_BYTES = 512 // below that compressing gains nothing

const CODINGS = [
  {
    suffix: '.br',
    compress: (bytes) =>
      brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
    decompress: brotliDecompressSync,
  },
  { suffix: '.gz', compress: (bytes) => gzipSync(bytes, { level: 9 }), decompress: gunzipSync },
]

for (const page of PAGES) {
  const { folder, before } = await emptied(page)
  const built = await build({
    configFile: false,
    logLevel: 'warn',
    root: join(HERE, page),
    base: `/assets/${page}/`,
    publicDir: false,
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: folder,
      emptyOutDir: false,
      assetsDir: '',
      assetsInlineLimit: 0,
      target: ['chrome123', 'firefox120', 'safari17.5'],
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
  })
  const licences = await licencesOf(built.output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : [])))
  await writeFile(join(folder, 'THIRD_PARTY_LICENSES.txt'), licences)
  await compressAll(folder, before)
}

const { folder, before } = await emptied('uploader')
await copyFile(UPLOADER, join(folder, basename(UPLOADER)))
await compressAll(folder, before)

async function emptied(name) {
  const folder = join(STATIC, name)
  const before = await contents(folder)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  return { folder, before }
}

async function contents(folder) {
  const found = new Map()
  if (!existsSync(folder)) return found
  for (const name of await readdir(folder)) found.set(name, await readFile(join(folder, name)))
  return found
}

// Another version of Node.js compresses differently. What was compressed before, and is still the same text, stays as it
// is, so that a rebuild changes nothing where nothing changed.
async function compressAll(folder, before) {
  for (const name of (await readdir(folder)).sort()) {
    const bytes = await readFile(join(folder, name))
    if (bytes.length < LEAST_BYTES) continue
    for (const { suffix, compress, decompress } of CODINGS) {
      const old = before.get(name + suffix)
      await writeFile(join(folder, name + suffix), old && isSame(decompress, old, bytes) ? old : compress(bytes))
    }
  }
}

function isSame(decompress, compressed, bytes) {
  try {
    return decompress(compressed).equals(bytes)
  } catch {
    return false
  }
}

async function licencesOf(modules) {
  const packages = new Set()
  for (const id of modules) {
    const found = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id.replaceAll('\\', '/').replace(/^\0/, ''))
    if (found) packages.add(found[1])
  }
  const parts = []
  for (const folder of packages) {
    const about = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    const name = (await readdir(folder)).sort().find((file) => /^licen[cs]e/i.test(file))
    if (!name) throw new Error(`${about.name} has no licence file`)
    const text = (await readFile(join(folder, name), 'utf8')).replaceAll('\r\n', '\n').trim()
    parts.push(`${about.name} ${about.version} (${about.license})\n\n${text}\n`)
  }
  const head = 'This page holds the work of others, under these licences.\n'
  return [head, ...parts.sort()].join(`\n${'-'.repeat(78)}\n\n`)
}
