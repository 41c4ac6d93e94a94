import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Icon, Shell, useOnline, useTexts } from '../shared/chrome'
import { bytes, list, percent } from '../shared/format'
import { has, t } from '../shared/i18n'
import { Note, Toast } from '../shared/notices'
import { Card } from './card'
import { dropped, keepsHandles, pick } from './chosen'
import type { Engine } from './engine'
import { type Item, LIVE, share } from './model'

const PROFILE = 'tusvideo.profile'

export function App({ engine }: { engine: Engine }): JSX.Element {
  useTexts()
  const [, again] = useState(0)
  useEffect(() => engine.subscribe(() => again((n) => n + 1)), [engine])
  const [profile, setProfile] = useState(() => keptProfile(engine))
  const isOnline = useOnline()
  const [isOver, setOver] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const current = useRef(profile)
  current.current = profile

  useEffect(() => {
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false
    const over = (event: DragEvent): void => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setOver(true)
    }
    const leave = (event: DragEvent): void => {
      if (!event.relatedTarget) setOver(false)
    }
    const drop = async (event: DragEvent): Promise<void> => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setOver(false)
      const { chosen, folders } = await dropped(event.dataTransfer!)
      if (folders) engine.complain(t('error.folder', { count: folders }))
      await engine.choose(chosen, current.current)
    }
    const paste = (event: ClipboardEvent): void => {
      const files = [...(event.clipboardData?.files ?? [])]
      if (!files.length) return
      event.preventDefault()
      void engine.choose(files.map((file) => ({ file, handle: null })), current.current)
    }
    const onDrop = (event: DragEvent): void => void drop(event)
    document.addEventListener('dragover', over)
    document.addEventListener('dragleave', leave)
    document.addEventListener('drop', onDrop)
    document.addEventListener('paste', paste)
    return () => {
      document.removeEventListener('dragover', over)
      document.removeEventListener('dragleave', leave)
      document.removeEventListener('drop', onDrop)
      document.removeEventListener('paste', paste)
    }
  }, [engine])

  const { items, notices } = engine
  const removed = useRef<number | null>(null)
  const count = useRef(items.length)
  useEffect(() => {
    if (removed.current !== null && items.length < count.current) {
      focusNear(removed.current)
      removed.current = null
    }
    count.current = items.length
  })
  const live = items.filter((item) => LIVE.has(item.state) || item.state === 'offline')
  const done = items.filter((item) => item.state === 'done')
  const together = useRef(new Set<Item>()) // what was under way at a time, so that its percents rise and never fall
  if (!live.length) together.current.clear()
  for (const item of live) together.current.add(item)
  const waiting = items.filter((item) => item.state === 'chosen')
  useEffect(() => {
    const counted = [...together.current].filter((item) => item.state === 'done' || live.includes(item)) // in the list or not
    const size = counted.reduce((sum, item) => sum + item.size, 0)
    const sent = counted.reduce((sum, item) => sum + item.size * share(item), 0)
    const failed = items.some((item) => item.state === 'failed')
    const state = live.length ? percent(size ? sent / size : 0) : failed ? t('title.failed') : done.length ? t('title.done') : ''
    const title = `${state ? `${state} – ` : ''}${t('heading')} – tusvideo`
    if (document.title !== title) document.title = title
  })

  const about = engine.profiles.find((one) => one.name === profile)
  return (
    <Shell page="upload">
      <h1>{t('heading')}</h1>
      <p class="lead">{t('lead')}</p>

      <div class="notices" aria-live="off">
        {!isOnline && <div class="note warn" role="alert"><Icon name="warn" /><p class="text">{t('offline')}</p></div>}
        {engine.forgets && items.length > done.length && <Note kind="warn" text={t('forgets')} />}
        {notices.filter((notice) => notice.kind !== 'good').map((notice) => <Note key={notice.id} kind={notice.kind} text={notice.text} onDismiss={() => engine.dismiss(notice)} />)}
      </div>

      <form class="send" onSubmit={(event) => event.preventDefault()}>
        <div class="field kind">
          <label for="profile">{t('profile')}</label>
          <select
            id="profile"
            value={profile}
            aria-describedby="profile-hint"
            onChange={(event) => {
              const name = event.currentTarget.value
              setProfile(name)
              keepProfile(name)
              engine.useProfile(name)
            }}
          >
            {engine.profiles.map(({ name }) => <option key={name} value={name}>{has(`profile.${name}`) ? t(`profile.${name}`) : name}</option>)}
          </select>
          {about && (
            <p class="hint" id="profile-hint">
              {about.extensions ? list(about.extensions) : t('profile.any')}
              {' · '}{t('profile.size', { size: bytes(about.maxSize) })}
              {' · '}{t(`profile.${about.visibility}`)}
            </p>
          )}
        </div>

        <div class={`drop${isOver ? ' over' : ''}`}>
          <input
            ref={input}
            id="files"
            class="hidden"
            type="file"
            multiple
            onClick={(event) => {
              if (!keepsHandles()) return
              event.preventDefault()
              void pick(true).then((chosen) => chosen && engine.choose(chosen, profile))
            }}
            onChange={(event) => {
              const files = [...(event.currentTarget.files ?? [])]
              event.currentTarget.value = '' // the same file can be chosen again
              void engine.choose(files.map((file) => ({ file, handle: null })), profile)
            }}
          />
          <Icon name="up" />
          <p class="how">{t('drop')}</p>
          <label class="button primary" for="files">{t('choose')}</label>
          <p class="hint">{t('drop.hint')}</p>
        </div>

        {items.length > 0 && (
          <section aria-labelledby="list-heading">
            <div class="list-head">
              <h2 id="list-heading">{t('list')}</h2>
              {done.length > 1 && (
                <button type="button" class="button quiet" onClick={() => { engine.clear(); document.getElementById('files')?.focus() }}><Icon name="close" />{t('clearDone', { count: done.length })}</button>
              )}
              {waiting.length > 0 && <button type="button" class="button primary" onClick={() => engine.send()}>{t('send', { count: waiting.length })}</button>}
            </div>
            <ul role="list" class="cards">
              {items.map((item, index) => (
                <Card key={item.id} item={item} engine={engine} isOnly={items.length < 3} beforeRemoval={() => { removed.current = index }} />
              ))}
            </ul>
          </section>
        )}
      </form>

      <div class="toasts">
        {notices.filter((notice) => notice.kind === 'good').map((notice) => <Toast key={notice.id} text={notice.text} onDismiss={() => engine.dismiss(notice)} />)}
      </div>
    </Shell>
  )
}

/** After an upload left the list the focus goes to the one that took its place, else to the picker. */
function focusNear(index: number): void {
  const cards = document.querySelectorAll<HTMLElement>('.cards > li')
  const near = cards[Math.min(index, cards.length - 1)]
  ;(near?.querySelector<HTMLElement>('h3') ?? document.getElementById('files'))?.focus()
}

function keptProfile(engine: Engine): string {
  let kept: string | null = null
  try {
    kept = localStorage.getItem(PROFILE)
  } catch {
    /* none */
  }
  return (engine.profiles.find(({ name }) => name === kept) ?? engine.profiles[0])?.name ?? 'files'
}
function keepProfile(name: string): void {
  try {
    localStorage.setItem(PROFILE, name)
  } catch {
    /* for this visit only */
  }
}
