import { render } from 'preact'
import { ask, type Settings } from '../shared/api'
import type { Messages, Translation } from '../shared/i18n'
import { start } from '../shared/start'
import { App } from './app'
import { Library } from './library'
import { listen } from './live'
import './library.css'
import type ar from './messages/ar.json'
import type de from './messages/de.json'
import en from './messages/en.json'
import { Replacing } from './replacing'

type Same<T extends Messages, Others extends Translation<T>> = Others
export type Complete = Same<typeof en, typeof de & typeof ar>

const settings = ask<Settings>('GET', '/api/settings').catch(() => null) // then its notices stay as long as others
await start(en, import.meta.glob<{ default: Messages }>(['./messages/*.json', '!./messages/en.json']))
const library = new Library((await settings)?.undoSeconds ?? null)
const replacing = new Replacing(library)
render(<App library={library} replacing={replacing} />, document.getElementById('app')!)
listen('/api/events', library)
await replacing.restore()
