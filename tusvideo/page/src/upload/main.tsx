import { render } from 'preact'
import type { Messages, Translation } from '../shared/i18n'
import { start } from '../shared/start'
import { App } from './app'
import { Engine } from './engine'
import type ar from './messages/ar.json'
import type de from './messages/de.json'
import en from './messages/en.json'
import { settings } from './settings'
import './upload.css'

type Same<T extends Messages, Others extends Translation<T>> = Others
export type Complete = Same<typeof en, typeof de & typeof ar>

const [profiles] = await Promise.all([settings(), start(en, import.meta.glob<{ default: Messages }>(['./messages/*.json', '!./messages/en.json']))])
const engine = new Engine(profiles)
render(<App engine={engine} />, document.getElementById('app')!)
await engine.restore()
