// What the server would refuse is refused here: it is kinder before than after. Content is judged there.
import type { Profile } from '../shared/api'
import { bytes, list } from '../shared/format'
import { t } from '../shared/i18n'
import { mayBe } from './model'

/** Say why a profile does not take a file, as far as its name and size tell; null if it may. */
export function refusalOf(file: { name: string; type: string; size: number }, profile: Profile): string | null {
  if (file.size > profile.maxSize) return t('error.tooLarge', { size: bytes(file.size), limit: bytes(profile.maxSize) })
  if (!profile.extensions) return null
  if (!mayBe(file, profile.extensions)) return t('error.wrongType', { types: list(profile.extensions) })
  return file.size ? null : t('error.empty')
}
