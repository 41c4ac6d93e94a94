import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Icon, type IconName } from '../shared/chrome'
import { bytes, percent, span } from '../shared/format'
import { t } from '../shared/i18n'
import { Note } from '../shared/notices'
import { keepsHandles, pick } from '../upload/chosen'
import { type Chosen, type Item, LIVE, share } from '../upload/model'
import type { Library } from './library'
import { isOnItsWay, type Upload, type Video } from './records'
import type { Replacing } from './replacing'

/** Says what replacing does, takes a file, and begins. */
export function Replace({ video, replacing, onClose }: { video: Video; replacing: Replacing; onClose: () => void }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null)
  const [chosen, set] = useState<Chosen | null>(null)
  const [failure, fail] = useState<string | null>(null)
  useEffect(() => dialog.current?.showModal(), [])
  const take = async (one: Chosen | undefined): Promise<void> => {
    if (!one) return
    set(one)
    try {
      fail(await replacing.refusal(video, one.file))
    } catch {
      fail(t('error.offline'))
    }
  }
  const begin = async (): Promise<void> => {
    if (!chosen || failure) return
    try {
      await replacing.begin(video, chosen)
      dialog.current?.close()
    } catch {
      fail(t('error.offline'))
    }
  }

  return (
    <dialog ref={dialog} class="replace" aria-labelledby="replace-heading" aria-describedby="replace-text" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void begin()
        }}
      >
        <h2 id="replace-heading">{t('replace.ask', { title: video.title })}</h2>
        <p id="replace-text">{t('replace.text')}</p>
        <div class="field pick">
          <input
            id="replace-file"
            class="hidden"
            type="file"
            autofocus
            onClick={(event) => {
              if (!keepsHandles()) return
              event.preventDefault()
              void pick(false).then((found) => take(found?.[0]))
            }}
            onChange={(event) => {
              const file = event.currentTarget.files?.[0]
              event.currentTarget.value = '' // the same file can be chosen again
              void take(file && { file, handle: null })
            }}
          />
          <label class="button" for="replace-file"><Icon name="file" />{t(chosen ? 'replace.other' : 'replace.choose')}</label>
          {chosen && <p class="chosen" role="status"><bdi>{chosen.file.name}</bdi> · {bytes(chosen.file.size)}</p>}
        </div>
        {failure && <Note kind="bad" text={failure} />}
        <div class="actions">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>{t('cancel')}</button>
          <button type="submit" class="button primary" aria-disabled={!chosen || failure !== null}>{t('replace.do')}</button>
        </div>
      </form>
    </dialog>
  )
}

/** How the new file of a video gets on: from here with what can be done about it, from elsewhere as the server tells. */
export function NewFile({ video, library, replacing }: { video: Video; library: Library; replacing: Replacing }): JSX.Element | null {
  const item = replacing.of(video.id)
  if (item) return <Mine item={item} video={video} replacing={replacing} />
  const upload = library.newFileOf(video.id)
  return upload && <Theirs upload={upload} />
}

/** Of another tab, browser or device. */
function Theirs({ upload }: { upload: Upload }): JSX.Element {
  const { id, state, offset, length } = upload
  const amount = length === null ? bytes(offset) : t('amount', { sent: bytes(offset), size: bytes(length) })
  return (
    <div class={`new-file ${state}`}>
      <p class="line"><span id={`new-${id}`}>{t('replace.new')}</span> <span class="meta state">{t(`upload.${state}`)}</span></p>
      {state !== 'checking' && <Bar part={length ? offset / length : 0} amount={amount} labelledBy={`new-${id}`} />}
    </div>
  )
}

function Mine({ item, video, replacing }: { item: Item; video: Video; replacing: Replacing }): JSX.Element {
  const input = useRef<HTMLInputElement>(null)
  const dialog = useRef<HTMLDialogElement>(null)
  const { id, state, name } = item
  const { title } = video
  const { sender } = replacing
  const part = share(item)
  const isFinal = state === 'failed' && item.failure?.canRetry === false
  const give = async (): Promise<void> => {
    if (await sender.reopen(item)) return
    if (!keepsHandles()) return input.current?.click()
    const [found] = (await pick(false)) ?? []
    if (found) await sender.attach(item, found.file, found.handle)
  }
  return (
    <div class={`new-file ${state}`}>
      <p class="line"><span id={`new-${id}`}>{t('replace.new')} <bdi>{name}</bdi></span> <span class="meta state">{t(`replace.${state}`)}</span></p>
      {!isFinal && <Bar part={part} amount={t('amount', { sent: bytes(item.sent), size: bytes(item.size) })} left={item.left} labelledBy={`new-${id}`} />}
      {state === 'needsFile' && <p class="hint">{t(item.handle ? 'needs.leave' : 'needs.file', { name, percent: percent(part) })}</p>}
      {item.notice && <p class="hint">{t(item.notice)}</p>}
      {item.failure && <Note kind="bad" text={item.failure.text} />}
      <div class="actions">
        {LIVE.has(state) && <Act icon="pause" text={t('pause')} title={title} onClick={() => sender.pause(item)} />}
        {state === 'paused' && <Act icon="play" text={t('resume')} title={title} onClick={() => sender.resume(item)} />}
        {state === 'waiting' && <Act icon="retry" text={t('now')} title={title} onClick={() => sender.resume(item)} />}
        {state === 'failed' && !isFinal && <Act icon="retry" text={t('retry')} title={title} onClick={() => sender.resume(item)} />}
        {state === 'needsFile' && <Act icon={item.handle ? 'play' : 'file'} text={t(item.handle ? 'resume' : 'again')} title={title} onClick={() => void give()} />}
        {state !== 'elsewhere' && <Act icon="close" text={t(isFinal ? 'close' : 'cancel')} title={title} onClick={() => (item.sent && !isFinal ? dialog.current?.showModal() : void sender.remove(item))} />}
      </div>
      <input ref={input} class="hidden" type="file" tabIndex={-1} aria-hidden="true" aria-label={t('again')} onChange={(event) => {
        const file = event.currentTarget.files?.[0]
        event.currentTarget.value = ''
        if (file) void sender.attach(item, file, null)
      }} />
      <dialog ref={dialog} aria-labelledby={`ask-${id}`}>
        <h2 id={`ask-${id}`}>{t('ask', { title })}</h2>
        <p>{t('ask.text', { percent: percent(part) })}</p>
        <div class="actions">
          <button type="button" class="button" autofocus onClick={() => dialog.current?.close()}>{t('ask.no')}</button>
          <button type="button" class="button danger" onClick={() => { dialog.current?.close(); void sender.remove(item) }}>{t('ask.yes')}</button>
        </div>
      </dialog>
    </div>
  )
}

function Bar({ part, amount, left = null, labelledBy }: { part: number; amount: string; left?: number | null; labelledBy: string }): JSX.Element {
  const rest = left === null ? '' : t('left', { time: span(left) })
  return (
    <div class="progress">
      <progress max={100} value={Math.floor(part * 100)} aria-labelledby={labelledBy} aria-valuetext={[percent(part), amount, rest].filter(Boolean).join(', ')} />
      <p class="figures" aria-hidden="true"><bdi class="percent">{percent(part)}</bdi> <bdi>{amount}</bdi> {rest && <bdi class="left">{rest}</bdi>}</p>
    </div>
  )
}

function Act({ icon, text, title, onClick }: { icon: IconName; text: string; title: string; onClick: () => void }): JSX.Element {
  return <button type="button" class="button" onClick={onClick}><Icon name={icon} />{text}<span class="hidden"> {title}</span></button>
}

/** What no card of the list shows: the new file of a video is on the card of that. */
export const withoutCard = (library: Library): Upload[] =>
  library.uploads.filter((upload) => !(upload.replaces && isOnItsWay(upload) && upload.state !== 'failed' && library.ids.includes(upload.replaces)))
