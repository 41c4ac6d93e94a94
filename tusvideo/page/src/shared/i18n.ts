// Texts by language. English is in the page, others are fetched from our own origin when they are wanted.

export type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }
export type Messages = { [key: string]: string | Plural }
/** The same keys as the English texts: a translation that lacks one does not compile. */
export type Translation<T extends Messages> = { [K in keyof T]: T[K] extends string ? string : Plural }
export type Loader = () => Promise<{ default: Messages }>

export const LANGUAGES = { en: 'English', de: 'Deutsch', ar: 'العربية' } as const
export type Language = keyof typeof LANGUAGES
const RIGHT_TO_LEFT = new Set<Language>(['ar'])
const KEPT = 'tusvideo.language'

const english: Messages = {}
let messages: Messages = english
const loaders: Record<string, Loader[]> = {}
let current: Language = 'en'
const listeners = new Set<() => void>()

/** Add texts: the English ones, and where those of other languages come from (`import.meta.glob('./messages/*.json')`). */
export function addMessages(texts: Messages, others: Record<string, Loader>): void {
  Object.assign(english, texts)
  for (const [path, loader] of Object.entries(others)) {
    const language = /([a-z]+)\.json$/.exec(path)?.[1]
    if (language && language !== 'en') (loaders[language] ??= []).push(loader)
  }
}

/** The language of the page, as Intl takes it. Digits are Western everywhere, so that figures keep their width. */
export const locale = (): string => `${current}-u-nu-latn`
export const language = (): Language => current

/** Choose the kept language, else the first that the browser names and we have; then write it into the document. */
export async function startLanguage(): Promise<void> {
  const wanted = [read(), ...navigator.languages].map((name) => (name ?? '').slice(0, 2))
  await useLanguage((wanted.find((name) => name in LANGUAGES) ?? 'en') as Language, false)
}

export async function useLanguage(name: Language, keep = true): Promise<void> {
  let texts: Messages = {}
  if (name !== 'en') {
    try {
      for (const part of await Promise.all((loaders[name] ?? []).map((load) => load()))) texts = { ...texts, ...part.default }
    } catch {
      name = 'en' // offline, or a newer version of the page was installed: English is always there
    }
  }
  current = name
  messages = { ...english, ...texts }
  document.documentElement.lang = name
  document.documentElement.dir = RIGHT_TO_LEFT.has(name) ? 'rtl' : 'ltr'
  if (keep) write(name)
  for (const listener of listeners) listener()
}

export function onLanguage(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Give a text with its `{placeholders}` filled in; `count` chooses among plural forms. */
export function t(key: string, values: Record<string, string | number> = {}): string {
  const found = messages[key]
  if (found === undefined) return key
  const text = typeof found === 'string' ? found : (found[new Intl.PluralRules(current).select(Number(values.count))] ?? found.other)
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name]
    return value === undefined ? whole : typeof value === 'number' ? value.toLocaleString(locale()) : value
  })
}

/** Tell whether there is a text for a key, for keys that come from outside (codes of errors). */
export const has = (key: string): boolean => key in messages

/** The direction of a field goes by what is in it; an empty one has that of the page. */
export const dirOf = (text: string): 'auto' | undefined => (text ? 'auto' : undefined)

function read(): string | null {
  try {
    return localStorage.getItem(KEPT)
  } catch {
    return null
  }
}
function write(name: string): void {
  try {
    localStorage.setItem(KEPT, name)
  } catch {
    /* kept for this visit only */
  }
}
