import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Icon } from '../shared/chrome'
import { bytes, clock, percent, span } from '../shared/format'
import { dirOf, t } from '../shared/i18n'
import { keepsHandles, pick } from './chosen'
import type { Engine } from './engine'
import { type Item, isVideo, LIVE, share } from './model'
import { type Preview, preview } from './preview'

const SHOWS_BAR = new Set(['queued', 'sending', 'waiting', 'offline', 'paused', 'needsFile', 'elsewhere'])

export function Card({ item, engine, isOnly, beforeRemoval }: { item: Item; engine: Engine; isOnly: boolean; beforeRemoval: () => void }): JSX.Element {
  const input = useRef<HTMLInputElement>(null)
  const dialog = useRef<HTMLDialogElement>(null)
  const { id, name, state } = item
  const heading = `name-${id}`
  useEffect(() => {
    if (state === 'done') dialog.current?.close() // there is nothing left to be cancelled
  }, [state])
  const remove = (): void => {
    beforeRemoval()
    void engine.remove(item)
  }
  const askFirst = (): void => {
    if (item.sent > 0 && state !== 'done' && item.failure?.canRetry !== false) dialog.current?.showModal()
    else remove()
  }
  const give = async (): Promise<void> => {
    if (await engine.reopen(item)) return
    if (!keepsHandles()) return input.current?.click()
    const [chosen] = (await pick(false)) ?? []
    if (chosen) await engine.attach(item, chosen.file, chosen.handle)
  }

  return (
    <li class={`card upload ${state}`} aria-labelledby={heading}>
      <Picture item={item} />
      <div class="body">
        <div class="row">
          <div class="what">
            <h3 id={heading} tabIndex={-1}><bdi>{name}</bdi></h3>
            <p class="meta">{bytes(item.size)} · <span class="state">{t(`state.${state}`)}</span></p>
          </div>
          <div class="actions">
            {LIVE.has(state) && <Action icon="pause" text={t('pause')} name={name} onClick={() => engine.pause(item)} />}
            {state === 'paused' && <Action icon="play" text={t('resume')} name={name} onClick={() => engine.resume(item)} isMain />}
            {state === 'waiting' && <Action icon="retry" text={t('now')} name={name} onClick={() => engine.resume(item)} />}
            {state === 'failed' && item.failure?.canRetry && <Action icon="retry" text={t('retry')} name={name} onClick={() => engine.resume(item)} isMain />}
            {state === 'needsFile' && (
              <Action icon={item.handle ? 'play' : 'file'} text={t(item.handle ? 'resume' : 'again')} name={name} onClick={() => void give()} isMain />
            )}
            {state === 'done' && item.result && <a class="button" href={item.result.url}>{t('open')}<span class="hidden"> {name}</span></a>}
            {state !== 'elsewhere' && (
              <Action icon="close" text={t(state === 'done' || (state === 'failed' && !item.failure?.canRetry) ? 'clear' : item.metadata ? 'cancel' : 'remove')} name={name} onClick={askFirst} isQuiet />
            )}
          </div>
        </div>

        {SHOWS_BAR.has(state) && <Progress item={item} labelledBy={heading} />}
        {state === 'needsFile' && (
          <p class="hint say">
            {item.handle ? t('needs.leave', { percent: percent(share(item)) }) : item.sent ? t('needs.file', { percent: percent(share(item)) }) : t('needs.fileFirst')}
          </p>
        )}
        {item.notice && <div class="note warn"><Icon name="info" /><p class="text">{t(item.notice)}</p></div>}
        {item.failure && <div class="note bad" role="alert"><Icon name="bad" /><p class="text">{item.failure.text}</p></div>}

        {!(state === 'failed' && !item.failure?.canRetry) && state !== 'elsewhere' && (
          <details class="about" open={isOnly}>
            <summary>{t('about')}<span class="hidden"> {name}</span></summary>
            <div class="fields">
              <div class="field">
                <label for={`title-${id}`}>{t('title')}</label>
                <input id={`title-${id}`} type="text" maxLength={200} dir={dirOf(item.title)} value={item.title} autocomplete="off" onInput={(event) => engine.describe(item, { title: event.currentTarget.value })} />
              </div>
              <div class="field">
                <label for={`description-${id}`}>{t('description')}</label>
                <textarea id={`description-${id}`} maxLength={5000} rows={2} dir={dirOf(item.description)} value={item.description} onInput={(event) => engine.describe(item, { description: event.currentTarget.value })} />
              </div>
              <p class="hint draft">{item.metadata || item.draft !== 'kept' ? t(`draft.${item.draft}`) : ' '}</p>
            </div>
          </details>
        )}
      </div>

      <input ref={input} class="hidden" type="file" tabIndex={-1} aria-hidden="true" aria-label={t('again')} onChange={(event) => {
        const file = event.currentTarget.files?.[0]
        event.currentTarget.value = ''
        if (file) void engine.attach(item, file, null)
      }} />
      <dialog ref={dialog} aria-labelledby={`ask-${id}`}>
        <h2 id={`ask-${id}`}>{t('ask', { name })}</h2>
        <p>{t('ask.text', { percent: percent(share(item)) })}</p>
        <div class="actions">
          <button type="button" class="button" autofocus onClick={() => dialog.current?.close()}>{t('ask.no')}</button>
          <button type="button" class="button danger" onClick={() => { dialog.current?.close(); remove() }}>{t('ask.yes')}</button>
        </div>
      </dialog>
    </li>
  )
}

function Action({ icon, text, name, onClick, isMain = false, isQuiet = false }: {
  icon: 'pause' | 'play' | 'retry' | 'close' | 'file'; text: string; name: string; onClick: () => void; isMain?: boolean; isQuiet?: boolean
}): JSX.Element {
  return (
    <button type="button" class={`button${isMain ? ' primary' : ''}${isQuiet ? ' quiet' : ''}`} onClick={onClick}>
      <Icon name={icon} />{text}<span class="hidden"> {name}</span>
    </button>
  )
}

function Progress({ item, labelledBy }: { item: Item; labelledBy: string }): JSX.Element {
  const part = share(item)
  const speed = item.speed > 0 ? bytes(item.speed, { perSecond: true }) : ''
  const left = item.left !== null ? t('left', { time: span(item.left) }) : ''
  const amount = t('amount', { sent: bytes(item.sent), size: bytes(item.size) })
  return (
    <div class="progress">
      <progress max={100} value={Math.floor(part * 100)} aria-labelledby={labelledBy} aria-valuetext={[percent(part), amount, left].filter(Boolean).join(', ')} />
      <p class="figures" aria-hidden="true">
        <span class="percent">{percent(part)}</span>
        <span class="amount">{amount}</span>
        <span class="speed">{speed}</span>
        <span class="left">{left}</span>
      </p>
    </div>
  )
}

function Picture({ item }: { item: Item }): JSX.Element {
  const [found, set] = useState<Preview | null>(null)
  const place = useRef<HTMLDivElement>(null)
  const { file } = item
  useEffect(() => {
    let isWanted = true
    if (file?.size && isVideo(file)) void preview(file).then((drawn) => isWanted && set(drawn))
    return () => {
      isWanted = false
    }
  }, [file])
  useEffect(() => {
    if (found) place.current?.replaceChildren(found.canvas)
  }, [found])
  return (
    <div class={`picture${found ? ' drawn' : ''}`} aria-hidden="true">
      <div ref={place} class="frame" />
      {!found && <Icon name={isVideo(item) ? 'film' : 'file'} />}
      {found && Number.isFinite(found.duration) && <span class="length">{clock(found.duration)}</span>}
    </div>
  )
}
