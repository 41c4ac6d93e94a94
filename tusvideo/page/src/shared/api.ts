// The server's JSON API: same origin, problem details as errors.
import { has, t } from './i18n'

export interface Profile {
  name: string
  /** Null when anything is taken. */
  types: string[] | null
  extensions: string[] | null
  maxSize: number
  chunkSize: number
  visibility: 'public' | 'private'
}
export interface Settings {
  profiles: Profile[]
  version: string
  /** For so long a deletion can be taken back. */
  undoSeconds: number
}
export interface Problem {
  code?: string
  detail?: string
  title?: string
}

/** What the server refused, or that it did not answer (`status` 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

/** Ask with JSON, or with a file as it is, and give the JSON of the answer. Rejects with ApiError. */
export async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const isFile = body instanceof Blob // whose type the browser tells
  let answer: Response
  try {
    answer = await fetch(path, {
      method,
      headers: { Accept: 'application/json', ...(body === undefined || isFile ? {} : { 'Content-Type': 'application/json' }) },
      body: body === undefined ? null : isFile ? body : JSON.stringify(body),
      signal: signal ?? null,
      credentials: 'same-origin',
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new ApiError(0, 'offline', t('error.offline'))
  }
  const text = await answer.text()
  if (!answer.ok) throw problemOf(answer.status, text)
  return (text ? JSON.parse(text) : undefined) as T
}

/** Make an error of an answer: our own words for a session that is over and for codes that we know, else the sentence of the server. */
export function problemOf(status: number, text: string): ApiError {
  let problem: Problem = {}
  try {
    problem = JSON.parse(text) as Problem
  } catch {
    /* a proxy's page */
  }
  const code = problem.code ?? `http_${status}`
  const key = status === 401 ? 'error.signedOut' : `error.${code}`
  return new ApiError(status, code, has(key) ? t(key) : sentence(problem.detail ?? problem.title ?? t('error.status', { status: String(status) })))
}

/** Begin with a capital and end with a stop. */
export function sentence(text: string): string {
  const trimmed = text.trim()
  return trimmed ? trimmed[0]!.toLocaleUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? '' : '.') : trimmed
}
