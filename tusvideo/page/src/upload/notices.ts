// What the page says of uploads that are done.
import { t } from '../shared/i18n'
import { type Item, newId, type Notice } from './model'

/** One notice for all that came up while it is seen: five of them would cover a phone. */
export function rejoiced(notices: Notice[], item: Item): Notice[] {
  const before = notices.find((notice) => notice.kind === 'good')
  const count = (before?.count ?? 0) + 1
  const text = count === 1 ? t('say.done', { name: item.title || item.name }) : t('say.allDone', { count })
  return [...notices.filter((notice) => notice !== before), { id: newId(), kind: 'good', text, count }]
}
