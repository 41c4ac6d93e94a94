// What every page does first.
import './tokens.css'
import { startTheme } from './chrome'
import { addMessages, type Loader, type Messages, startLanguage, type Translation } from './i18n'
import type ar from './messages/ar.json'
import type de from './messages/de.json'
import en from './messages/en.json'

// Held against each other by the compiler: no language lacks a text.
type Same<T extends Messages, Others extends Translation<T>> = Others
export type Complete = Same<typeof en, typeof de & typeof ar>

/** Add the texts of a page, and wait until the language that the reader wants is there. */
export async function start(texts: Messages, others: Record<string, Loader>): Promise<void> {
  startTheme()
  addMessages(en, import.meta.glob<{ default: Messages }>(['./messages/*.json', '!./messages/en.json']))
  addMessages(texts, others)
  await startLanguage()
}
