// The captions of a video: what it has, and what is to be changed about them when the form is saved.
import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Icon } from '../shared/chrome'
import { bytes } from '../shared/format'
import { locale, t } from '../shared/i18n'
import type { Captions, Video } from './records'

/** Offered for a new file; the server takes any other too. */
const OFFERED = (
  'ar bg bn bs ca cs cy da de el en en-GB en-US es es-419 et eu fa fi fil fr fr-CA ga gl gu he hi hr hu hy id is it ja ka kk km kn ko ' +
  'lo lt lv mk ml mn mr ms my nb ne nl nn pa pl pt pt-BR pt-PT ro ru si sk sl sq sr sv sw ta te th tr uk ur uz vi zh-Hans zh-Hant zu'
).split(' ')

export interface Added {
  language: string
  label: string
  file: File
}
interface Staged {
  kept: Captions[]
  added: Added[]
  removed: string[]
  add(language: string, file: File): void
  remove(language: string): void
}

/** The language whose captions a reader sees without choosing: the first that the browser names, else none. */
export function bestOf(captions: Captions[]): string | undefined {
  const primary = (tag: string): string => tag.split('-')[0]!.toLowerCase()
  for (const wanted of navigator.languages) {
    const found = captions.find(({ language }) => language.toLowerCase() === wanted.toLowerCase()) ?? captions.find(({ language }) => primary(language) === primary(wanted))
    if (found) return found.language
  }
  return undefined
}

/** Captions that the browser's player offers. One that comes while others are shown is not shown too, as Chromium would. */
export function Track({ captions: { language, label, url }, isShown }: { captions: Captions; isShown: boolean }): JSX.Element {
  const element = useRef<HTMLTrackElement>(null)
  useEffect(() => {
    const { track, parentElement } = element.current!
    const others = [...(parentElement as HTMLVideoElement).textTracks].filter((other) => other !== track)
    if (!others.some(({ mode }) => mode === 'showing')) return
    track.mode = 'hidden' // what did not change is not taken for somebody's wish
    track.mode = 'disabled'
  }, [])
  return <track ref={element} kind="captions" src={url} srclang={language} label={label} default={isShown} />
}

/** What a form does to captions; nothing of it happens before it is saved. */
export function useCaptions(video: Video): Staged {
  const [added, setAdded] = useState<Added[]>([])
  const [removed, setRemoved] = useState<string[]>([])
  const isOther = (language: string) => (one: { language: string }): boolean => one.language !== language
  return {
    kept: video.captions.filter(({ language }) => !removed.includes(language) && added.every(isOther(language))),
    added,
    removed,
    add(language, file) {
      setAdded([...added.filter(isOther(language)), { language, label: nameOf(language, language), file }])
      setRemoved(removed.filter((other) => other !== language)) // a file takes the place of those that are there
    },
    remove(language) {
      if (added.some((one) => one.language === language)) setAdded(added.filter(isOther(language)))
      else setRemoved([...removed, language])
    },
  }
}

export function CaptionsField({ captions: { kept, added, add, remove } }: { captions: Staged }): JSX.Element {
  const input = useRef<HTMLInputElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  const [language, choose] = useState(preferred)
  const [told, tell] = useState('') // in here, for what lies outside of a dialog is not read while it is open
  const names = OFFERED.map((tag) => [tag, nameOf(tag, locale())] as const).sort(([, a], [, b]) => a.localeCompare(b, locale()))
  const count = kept.length + added.length
  const seen = useRef(count)
  useEffect(() => {
    if (count < seen.current) button.current?.focus() // the button that was pressed is gone
    seen.current = count
  }, [count])

  return (
    <fieldset>
      <legend class="label">{t('captions')}</legend>
      {count === 0 && <p class="hint">{t('captions.none')}</p>}
      {count > 0 && (
        <ul role="list" class="captions">
          {kept.map(({ language, label, size }) => <Row key={language} language={language} label={label} what={bytes(size)} onRemove={() => remove(language)} />)}
          {added.map(({ language, label, file }) => <Row key={`+${language}`} language={language} label={label} what={file.name} onRemove={() => remove(language)} />)}
        </ul>
      )}
      <div class="add">
        <select aria-label={t('captions.language')} value={language} onChange={(event) => choose(event.currentTarget.value)}>
          {names.map(([tag, name]) => <option key={tag} value={tag}>{name}</option>)}
        </select>
        <button ref={button} type="button" class="button" aria-describedby="captions-hint" onClick={() => input.current?.click()}><Icon name="file" />{t('captions.add')}</button>
        <input
          ref={input}
          id="captions-file"
          type="file"
          hidden
          accept=".vtt,.srt,text/vtt,application/x-subrip"
          onChange={({ currentTarget }) => {
            const file = currentTarget.files?.[0]
            currentTarget.value = '' // the same file may be chosen again
            if (!file) return
            add(language, file)
            tell(t('say.captions', { language: nameOf(language, locale()) }))
          }}
        />
      </div>
      <p class="hidden" role="status">{told}</p>
      <p class="hint" id="captions-hint">{t('captions.hint')}</p>
    </fieldset>
  )
}

function Row({ language, label, what, onRemove }: { language: string; label: string; what: string; onRemove: () => void }): JSX.Element {
  return (
    <li>
      <span class="language"><bdi lang={language}>{label}</bdi></span>
      <span class="file"><bdi>{what}</bdi></span>
      <button type="button" class="button icon quiet" onClick={onRemove}>
        <Icon name="bin" /><span class="hidden">{t('captions.remove', { language: label })}</span>
      </button>
    </li>
  )
}

/** How a language is called in another one, or in itself. */
function nameOf(tag: string, inLanguage: string): string {
  const name = new Intl.DisplayNames([inLanguage], { type: 'language' }).of(tag) ?? tag
  return name.charAt(0).toLocaleUpperCase(inLanguage) + name.slice(1)
}

function preferred(): string {
  for (const wanted of navigator.languages) {
    const found = [wanted, wanted.split('-')[0]].find((tag) => tag && OFFERED.includes(tag))
    if (found) return found
  }
  return 'en'
}
