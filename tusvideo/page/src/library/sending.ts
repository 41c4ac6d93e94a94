// What sends the new file of a video: the engine of the upload page, with the texts that it says here.
import { addMessages, language, type Messages, type Translation, useLanguage } from '../shared/i18n'
import { Engine } from '../upload/engine'
import { isReplacement } from '../upload/model'
import { settings } from '../upload/settings'
import type ar from './replacing/ar.json'
import type de from './replacing/de.json'
import en from './replacing/en.json'

type Same<T extends Messages, Others extends Translation<T>> = Others
export type Complete = Same<typeof en, typeof de & typeof ar>

export async function make(): Promise<Engine> {
  addMessages(en, import.meta.glob<{ default: Messages }>(['./replacing/*.json', '!./replacing/en.json']))
  const [profiles] = await Promise.all([settings(), useLanguage(language(), false)])
  return new Engine(profiles, isReplacement)
}
