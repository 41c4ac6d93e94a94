// What is around every page: its head with language and theme; its foot; notices.
import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import favicon from './favicon.svg'
import { type Language, LANGUAGES, language, onLanguage, t, useLanguage } from './i18n'

const PAGES = [{ name: 'upload', path: '/' }, { name: 'library', path: '/library' }] as const
const THEME = 'tusvideo.theme'
const THEMES = ['auto', 'light', 'dark'] as const
type Theme = (typeof THEMES)[number]

export function startTheme(): void {
  const kept = keptTheme()
  if (kept !== 'auto') document.documentElement.dataset.theme = kept
}
function keptTheme(): Theme {
  try {
    const kept = localStorage.getItem(THEME)
    return kept === 'light' || kept === 'dark' ? kept : 'auto'
  } catch {
    return 'auto'
  }
}
function useTheme(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
  try {
    localStorage.setItem(THEME, theme)
  } catch {
    /* for this visit only */
  }
}

/** Tell whether the browser has a network, now and whenever that changes. */
export function useOnline(): boolean {
  const [isOnline, set] = useState(navigator.onLine)
  useEffect(() => {
    const told = (): void => set(navigator.onLine)
    addEventListener('online', told)
    addEventListener('offline', told)
    return () => {
      removeEventListener('online', told)
      removeEventListener('offline', told)
    }
  }, [])
  return isOnline
}

/** Draw again whenever the language changes. */
export function useTexts(): void {
  const [, again] = useState(0)
  useEffect(() => onLanguage(() => again((n) => n + 1)), [])
}

export function Shell({ page, children }: { page: (typeof PAGES)[number]['name']; children: ComponentChildren }): JSX.Element {
  useTexts()
  const [theme, setTheme] = useState<Theme>(keptTheme)
  return (
    <>
      <a class="skip" href="#main">{t('skip')}</a>
      <header class="top">
        <div class="wide">
          <a class="brand" href="/"><img src={favicon} alt="" />tusvideo</a>
          <nav aria-label={t('nav')}>
            {PAGES.map(({ name, path }) => (
              <a key={name} href={path} aria-current={name === page ? (location.pathname === path ? 'page' : 'true') : undefined}>{t(`nav.${name}`)}</a>
            ))}
          </nav>
          <div class="switches">
            <select aria-label={t('language')} value={language()} onChange={(event) => void useLanguage(event.currentTarget.value as Language)}>
              {Object.entries(LANGUAGES).map(([code, name]) => <option key={code} value={code} lang={code}>{name}</option>)}
            </select>
            <select
              aria-label={t('theme')}
              value={theme}
              onChange={(event) => {
                const chosen = event.currentTarget.value as Theme
                setTheme(chosen)
                useTheme(chosen)
              }}
            >
              {THEMES.map((name) => <option key={name} value={name}>{t(`theme.${name}`)}</option>)}
            </select>
          </div>
        </div>
      </header>
      <main id="main" class="wide" tabIndex={-1}>{children}</main>
      <footer class="bottom">
        <div class="wide">
          <span>{t('foot')}</span>
          <a href={`/assets/${page}/THIRD_PARTY_LICENSES.txt`}>{t('licences')}</a>
        </div>
      </footer>
    </>
  )
}

const PATHS = {
  good: 'M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm-1.2 14.2-4-4 1.4-1.4 2.6 2.6 5.6-5.6 1.4 1.4-7 7Z',
  warn: 'M12 3 1.5 21h21L12 3Zm-1 7h2v5h-2v-5Zm0 6.5h2v2h-2v-2Z',
  bad: 'M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm-1 5h2v7h-2V7Zm0 8.5h2v2h-2v-2Z',
  info: 'M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm-1 5h2v2h-2V7Zm0 4h2v6h-2v-6Z',
  close: 'm6.4 5 5.6 5.6L17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4-5.6-5.6L6.4 19 5 17.6l5.6-5.6L5 6.4 6.4 5Z',
  pause: 'M7 5h4v14H7V5Zm6 0h4v14h-4V5Z',
  play: 'M8 5v14l11-7L8 5Z',
  retry: 'M12 5V1L7 6l5 5V7a5 5 0 1 1-5 5H5a7 7 0 1 0 7-7Z',
  film: 'M4 5h16v14H4V5Zm2 2v2h2V7H6Zm0 4v2h2v-2H6Zm0 4v2h2v-2H6Zm10-8v2h2V7h-2Zm0 4v2h2v-2h-2Zm0 4v2h2v-2h-2Z',
  up: 'M11 16V7.8L8 10.9 6.6 9.5 12 4l5.4 5.5-1.4 1.4-3-3.1V16h-2Zm-6 2h14v2H5v-2Z',
  file: 'M6 2h8l5 5v15H6V2Zm7 1.5V8h4.5L13 3.5Z',
  edit: 'M4 16.5V20h3.5L17.8 9.7l-3.5-3.5L4 16.5ZM20.6 6.9c.4-.4.4-1 0-1.4l-2.1-2.1c-.4-.4-1-.4-1.4 0l-1.6 1.6 3.5 3.5 1.6-1.6Z',
  bin: 'M6 7h12l-1 14H7L6 7Zm3-4h6l1 2h4v2H4V5h4l1-2Z',
  down: 'M11 4h2v8.2l3-3.1 1.4 1.4L12 16l-5.4-5.5L8 9.1l3 3.1V4Zm-6 14h14v2H5v-2Z',
  link: 'M10.6 13.4a1 1 0 0 1 0-1.4l1.4-1.4a3.5 3.5 0 0 1 5 0 3.5 3.5 0 0 1 0 5l-3 3a3.5 3.5 0 0 1-5-5l.9-.9 1.4 1.4-.9.9a1.5 1.5 0 0 0 2.2 2.2l3-3a1.5 1.5 0 0 0-2.2-2.2L12 13.4a1 1 0 0 1-1.4 0Zm2.8-2.8a1 1 0 0 1 0 1.4L12 13.4a3.5 3.5 0 0 1-5 0 3.5 3.5 0 0 1 0-5l3-3a3.5 3.5 0 0 1 5 5l-.9.9-1.4-1.4.9-.9a1.5 1.5 0 0 0-2.2-2.2l-3 3a1.5 1.5 0 0 0 2.2 2.2l1.4-1.4a1 1 0 0 1 1.4 0Z',
  swap: 'M7 4 3 8l4 4V9h9V7H7V4Zm10 8v3H8v2h9v3l4-4-4-4Z',
  back: 'M14.6 5 16 6.4 10.4 12l5.6 5.6-1.4 1.4-7-7 7-7Z',
  captions: 'M4 5h16a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1Zm2 6v2h4v-2H6Zm6 0v2h6v-2h-6Zm-6 4v2h7v-2H6Zm9 0v2h3v-2h-3Z',
} as const
export type IconName = keyof typeof PATHS

/** A picture beside words; it says nothing that the words do not. */
export function Icon({ name }: { name: IconName }): JSX.Element {
  return <svg viewBox="0 0 24 24" fill="currentColor" aria-hidden="true"><path d={PATHS[name]} /></svg>
}

/** Say something to screen readers without moving the focus. */
export function announce(text: string): void {
  const line = document.getElementById('announcer')
  if (line) line.textContent = text
}
