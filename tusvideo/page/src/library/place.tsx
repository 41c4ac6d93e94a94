// Where the reader is: the list with its search and order, or one video. The address says it, so that a reload, a link
// and the back button lead there.
import type { ComponentChildren, JSX } from 'preact'
import { type Query, type Sort, SORTS } from './records'

export type Place = { page: 'list'; query: Query } | { page: 'video'; id: string }

const listeners = new Set<() => void>()
const changed = (): void => {
  for (const listener of listeners) listener()
}
addEventListener('popstate', changed)

export function here(): Place {
  const id = /^\/library\/([0-9a-f]{32})$/.exec(location.pathname)?.[1]
  if (id) return { page: 'video', id }
  const told = new URLSearchParams(location.search)
  const sort = told.get('sort') as Sort | null
  return { page: 'list', query: { q: (told.get('q') ?? '').slice(0, 200), sort: sort && SORTS.includes(sort) ? sort : 'newest' } }
}

export function onPlace(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Go to a page of the library without loading it anew. */
export function go(path: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, '', path)
  else history.pushState(null, '', path)
  changed()
}

export const pathOf = (id: string): string => `/library/${id}`

export function pathOfList({ q, sort }: Query): string {
  const told = new URLSearchParams({ ...(q ? { q } : {}), ...(sort === 'newest' ? {} : { sort }) })
  return told.size ? `/library?${told}` : '/library'
}

/** A link within the library; with a modifier key it is a link like any other. */
export function Link({ to, children, ...others }: { to: string; children: ComponentChildren; class?: string; id?: string }): JSX.Element {
  return (
    <a
      {...others}
      href={to}
      onClick={(event) => {
        if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
        event.preventDefault()
        go(to)
      }}
    >
      {children}
    </a>
  )
}
