import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Shell, useOnline, useTexts } from '../shared/chrome'
import { t } from '../shared/i18n'
import { Note, Toast } from '../shared/notices'
import { Edit } from './edit'
import type { Library } from './library'
import { List } from './list'
import { here, onPlace } from './place'
import { Player } from './player'
import type { Video } from './records'
import { Replace } from './replace'
import type { Replacing } from './replacing'

export function App({ library, replacing }: { library: Library; replacing: Replacing }): JSX.Element {
  useTexts()
  const [place, set] = useState(here)
  const [, again] = useState(0)
  const [edited, edit] = useState<Video | null>(null)
  const [replaced, replace] = useState<Video | null>(null)
  const isOnline = useOnline()
  useEffect(() => library.subscribe(() => again((n) => n + 1)), [library])
  useEffect(() => replacing.subscribe(() => again((n) => n + 1)), [replacing])
  useEffect(() => onPlace(() => set(here())), [])
  useEffect(() => {
    if (place.page === 'list') void library.list(place.query)
    else void library.open(place.id)
  }, [library, place])

  useEffect(() => {
    const undo = (event: KeyboardEvent): void => {
      const last = library.told.findLast(({ deleted }) => deleted)
      const isTyping = event.target instanceof Element && event.target.matches('input, textarea, select, dialog *')
      if (!last || isTyping || event.key.toLowerCase() !== 'z' || !(event.ctrlKey || event.metaKey) || event.shiftKey) return
      event.preventDefault()
      void library.restore(last)
    }
    document.addEventListener('keydown', undo)
    return () => document.removeEventListener('keydown', undo)
  }, [library])

  const { told } = library
  return (
    <Shell page="library">
      <div class="notices" aria-live="off">
        {!isOnline && <Note kind="warn" text={t('offline')} />}
        {told.filter(({ kind }) => kind === 'bad').map((one) => <Note key={one.id} kind="bad" text={one.text} onDismiss={() => library.dismiss(one)} />)}
      </div>
      <div class="toasts">
        {told.filter(({ kind }) => kind === 'good').map((one) => (
          <Toast
            key={one.id}
            text={one.text}
            {...(one.deleted ? { action: { text: t('undo'), run: () => void library.restore(one) }, milliseconds: library.undoMilliseconds } : {})}
            onDismiss={() => library.dismiss(one)}
          />
        ))}
      </div>
      {place.page === 'list'
        ? <List library={library} replacing={replacing} query={place.query} onEdit={edit} onReplace={replace} />
        : <Player key={place.id} library={library} replacing={replacing} id={place.id} onEdit={edit} onReplace={replace} />}
      {edited && <Edit video={edited} library={library} onClose={() => edit(null)} />}
      {replaced && <Replace video={replaced} replacing={replacing} onClose={() => replace(null)} />}
    </Shell>
  )
}
