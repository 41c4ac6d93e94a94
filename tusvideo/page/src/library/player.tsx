import type { JSX } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { sentence } from '../shared/api'
import { Icon } from '../shared/chrome'
import { bytes, clock, date } from '../shared/format'
import { t } from '../shared/i18n'
import { Note } from '../shared/notices'
import { bestOf, Track } from './captions'
import { Copy } from './copy'
import { isVideo, type Library } from './library'
import { go, Link, pathOfList } from './place'
import { isPlayable, type Video } from './records'
import { NewFile } from './replace'
import type { Replacing } from './replacing'

interface Props {
  library: Library
  replacing: Replacing
  onEdit: (video: Video) => void
  onReplace: (video: Video) => void
}

export function Player({ id, ...props }: Props & { id: string }): JSX.Element {
  const { library } = props
  const found = library.opened(id)
  const isKnown = isVideo(found)
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${isKnown ? found.title : t('heading')} – tusvideo`
  })
  useEffect(() => {
    scrollTo(0, 0)
    heading.current?.focus({ preventScroll: true })
  }, [isKnown])

  return (
    <>
      <Link class="back" to={pathOfList(library.query ?? { q: '', sort: 'newest' })}><Icon name="back" />{t('heading')}</Link>
      {isKnown && <Screen video={found} />}
      <h1 ref={heading} tabIndex={-1}>{isKnown ? <bdi>{found.title}</bdi> : found === 'missing' ? t('missing') : t('heading')}</h1>
      {found === 'loading' && <p class="hint" role="status">{t('loading')}</p>}
      {found === 'missing' && <p class="lead">{t('missing.hint')}</p>}
      {typeof found === 'object' && 'failure' in found && <Note kind="bad" text={found.failure} action={{ text: t('retry'), run: () => void library.open(id) }} />}
      {isKnown && <About video={found} {...props} />}
    </>
  )
}

/** The browser's own player, which asks for the parts that it needs. */
function Screen({ video }: { video: Video }): JSX.Element {
  const [broken, set] = useState<string | null>(null)
  const { title, url, play, thumbnail, width, height, rotation, captions } = video
  // A video that is being watched stays what it is when it turns out that it plays better in another way.
  const source = useMemo(() => play, [url])
  if (!isPlayable(video)) return <div class="screen picture"><Icon name="file" /></div>
  const shown = bestOf(captions)
  const isTurned = rotation === 90 || rotation === 270
  return (
    <>
      <video
        key={url}
        class="screen"
        controls
        playsInline
        preload="metadata"
        src={source}
        poster={thumbnail ?? undefined}
        aria-label={title}
        {...(width && height ? { width: isTurned ? height : width, height: isTurned ? width : height } : {})}
        onError={() => set(url)}
      >
        {captions.map((one) => <Track key={one.url} captions={one} isShown={one.language === shown} />)}
      </video>
      {broken === url && <Note kind="bad" text={t('error.cannotPlay')} />}
    </>
  )
}

function About({ video, library, replacing, onEdit, onReplace }: Props & { video: Video }): JSX.Element {
  const { description, size, duration, createdAt, state, reason, url, originalName, download } = video
  const picture = pictureOf(video)
  const remove = async (): Promise<void> => {
    await library.remove(video)
    if (library.opened(video.id) === 'missing') go(pathOfList(library.query ?? { q: '', sort: 'newest' }), { replace: true })
  }
  return (
    <>
      <p class="meta">
        <bdi>{originalName}</bdi> · {[duration === null ? '' : clock(duration), bytes(size), picture].filter(Boolean).join(' · ')} · <time dateTime={createdAt}>{date(createdAt)}</time>
      </p>
      <div class="actions">
        <button type="button" class="button" onClick={() => onEdit(video)}><Icon name="edit" />{t('edit')}</button>
        <a class="button" href={download} download={originalName}><Icon name="down" />{t('download')}</a>
        <Copy path={url} onCopied={() => library.tell('good', t('say.copied'))} />
        {!replacing.of(video.id) && <button type="button" class="button" onClick={() => onReplace(video)}><Icon name="swap" />{t('replace')}</button>}
        <button type="button" class="button danger" onClick={() => void remove()}><Icon name="bin" />{t('delete')}</button>
      </div>
      <NewFile video={video} library={library} replacing={replacing} />
      {state === 'checking' && <div class="note"><Icon name="info" /><p class="text">{t('checking')}</p></div>}
      {state === 'failed' && <div class="note warn"><Icon name="warn" /><p class="text">{t('failed')} <span lang="en">{sentence(reason ?? '')}</span></p></div>}
      {description && <p class="description" dir="auto">{description}</p>}
    </>
  )
}

/** As it is shown: turned, if it is. */
function pictureOf({ width, height, rotation }: Video): string {
  if (width === null || height === null) return ''
  return rotation === 90 || rotation === 270 ? `${height} × ${width}` : `${width} × ${height}`
}
