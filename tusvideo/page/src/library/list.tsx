import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Icon } from '../shared/chrome'
import { t } from '../shared/i18n'
import { Note } from '../shared/notices'
import { Entry } from './entry'
import type { Library } from './library'
import { go, pathOfList } from './place'
import { isOnItsWay, type Query, type Sort, SORTS, type Video } from './records'
import { withoutCard } from './replace'
import type { Replacing } from './replacing'
import { Uploads } from './uploads'

const REST_MS = 250
const PLACES = Array.from({ length: 6 }, (_, index) => index)

export function List({ library, replacing, query, onEdit, onReplace }: {
  library: Library; replacing: Replacing; query: Query; onEdit: (video: Video) => void; onReplace: (video: Video) => void
}): JSX.Element {
  const videos = library.videos()
  const { state, total, more } = library
  useEffect(() => {
    document.title = `${query.q ? `${query.q} – ` : ''}${t('heading')} – tusvideo`
  })
  useEffect(() => {
    if (library.left) document.getElementById(`video-${library.left}`)?.focus()
    library.left = null
  }, [library])

  const removed = useRef<number | null>(null)
  const count = useRef(videos.length)
  useEffect(() => {
    if (removed.current !== null && videos.length < count.current) {
      focusNear(removed.current)
      removed.current = null
    }
    count.current = videos.length
  })

  const showMore = async (): Promise<void> => {
    const next = videos.length
    await library.showMore()
    // The button may be gone; and whoever pressed it wants what came.
    requestAnimationFrame(() => links()[next]?.focus())
  }

  return (
    <>
      <div class="head">
        <h1 tabIndex={-1}>{t('heading')}</h1>
        {state === 'ready' && <p class="hint count">{t('count', { count: total })}</p>}
        <a class="button primary" href="/"><Icon name="up" />{t('upload')}</a>
      </div>
      {!library.isEmpty && <Find query={query} />}

      {!query.q && <Uploads uploads={withoutCard(library)} />}
      {state === 'loading' && (
        <div aria-busy="true">
          <p class="hidden" role="status">{t('loading')}</p>
          <ul role="list" class="videos" aria-hidden="true">{PLACES.map((index) => <li key={index} class="card video empty"><div class="picture" /><div class="about"><p class="bar" /><p class="bar short" /></div></li>)}</ul>
        </div>
      )}
      {state === 'failed' && <Note kind="bad" text={library.failure} action={{ text: t('retry'), run: () => void library.retry() }} />}
      {state === 'ready' && videos.length === 0 && (query.q || library.isEmpty) && (query.q || !library.uploads.some(isOnItsWay)) && (
        <div class="nothing">
          <Icon name="film" />
          {query.q
            ? <><p>{t('nothing.found', { q: query.q })}</p><button type="button" class="button" onClick={() => { go(pathOfList({ ...query, q: '' })); document.getElementById('q')?.focus() }}>{t('nothing.all')}</button></>
            : <><p>{t('nothing')}</p><p class="hint">{t('nothing.hint')}</p></>}
        </div>
      )}
      {state === 'ready' && videos.length > 0 && (
        <ul role="list" class="videos">
          {videos.map((video, index) => <Entry key={video.id} video={video} library={library} replacing={replacing} onEdit={onEdit} onReplace={onReplace} beforeRemoval={() => { removed.current = index }} />)}
        </ul>
      )}
      {state === 'ready' && more !== 'none' && (
        <div class="more">
          <p class="hint">{t('shown', { shown: videos.length, total })}</p>
          <button type="button" class="button" aria-disabled={more === 'loading'} onClick={() => void showMore()}>{t(more === 'loading' ? 'loading' : 'more')}</button>
        </div>
      )}
    </>
  )
}

const links = (): NodeListOf<HTMLElement> => document.querySelectorAll('.videos > li h2 a')

/** After a video left the list the focus goes to the one that took its place, else to the heading. */
function focusNear(index: number): void {
  const all = links()
  ;(all[Math.min(index, all.length - 1)] ?? document.querySelector<HTMLElement>('h1'))?.focus()
}

/** Search and order; both are in the address. */
function Find({ query }: { query: Query }): JSX.Element {
  const [text, set] = useState(query.q)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => set(query.q), [query.q])
  useEffect(() => () => clearTimeout(timer.current), [])
  const search = (q: string): void => {
    clearTimeout(timer.current)
    if (q !== query.q) go(pathOfList({ ...query, q }), { replace: query.q !== '' && q !== '' })
  }
  return (
    <form
      class="find"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        search(text.trim())
      }}
    >
      <div class="field words">
        <label for="q">{t('search')}</label>
        <input
          id="q"
          type="search"
          maxLength={200}
          autocomplete="off"
          value={text}
          onInput={(event) => {
            const { value } = event.currentTarget
            set(value)
            clearTimeout(timer.current)
            timer.current = setTimeout(() => search(value.trim()), REST_MS)
          }}
        />
      </div>
      <div class="field order">
        <label for="sort">{t('sort')}</label>
        <select id="sort" value={query.sort} onChange={(event) => go(pathOfList({ ...query, sort: event.currentTarget.value as Sort }), { replace: true })}>
          {SORTS.map((sort) => <option key={sort} value={sort}>{t(`sort.${sort}`)}</option>)}
        </select>
      </div>
    </form>
  )
}
