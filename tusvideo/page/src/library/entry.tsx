import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { Icon } from '../shared/chrome'
import { bytes, clock, day } from '../shared/format'
import { t } from '../shared/i18n'
import type { Library } from './library'
import { Link, pathOf } from './place'
import { isPlayable, type Video } from './records'
import { NewFile } from './replace'
import type { Replacing } from './replacing'

/** A video in the list. The link is the title; the picture leads there too, for the mouse. */
export function Entry({ video, library, replacing, onEdit, onReplace, beforeRemoval }: {
  video: Video; library: Library; replacing: Replacing; onEdit: (video: Video) => void; onReplace: (video: Video) => void; beforeRemoval: () => void
}): JSX.Element {
  const { id, title, size, createdAt, state } = video
  return (
    <li class={`card video ${state}`}>
      <Picture video={video} />
      <div class="about">
        <h2 onClickCapture={() => { library.left = id }}><Link to={pathOf(id)} id={`video-${id}`}><bdi>{title}</bdi></Link></h2>
        <p class="meta">{bytes(size)} · <time dateTime={createdAt}>{day(createdAt)}</time></p>
        {state !== 'ready' && <p class="meta state">{t(`state.${state}`)}</p>}
      </div>
      <div class="actions">
        <Small icon="edit" text={t('edit')} title={title} onClick={() => onEdit(video)} />
        {!replacing.of(id) && <Small icon="swap" text={t('replace')} title={title} onClick={() => onReplace(video)} />}
        <Small icon="bin" text={t('delete')} title={title} onClick={() => { beforeRemoval(); void library.remove(video) }} />
      </div>
      <NewFile video={video} library={library} replacing={replacing} />
    </li>
  )
}

export function Picture({ video }: { video: Video }): JSX.Element {
  const [broken, set] = useState<string | null>(null)
  const { thumbnail, duration } = video
  return (
    <div class="picture">
      {thumbnail && thumbnail !== broken
        ? <img src={thumbnail} alt="" loading="lazy" decoding="async" onError={() => set(thumbnail)} />
        : <Icon name={isPlayable(video) ? 'film' : 'file'} />}
      {duration !== null && <span class="length"><span class="hidden">{t('duration')} </span>{clock(duration)}</span>}
    </div>
  )
}

function Small({ icon, text, title, onClick }: { icon: 'edit' | 'swap' | 'bin'; text: string; title: string; onClick: () => void }): JSX.Element {
  return (
    <button type="button" class={`button icon quiet ${icon}`} title={text} onClick={onClick}>
      <Icon name={icon} /><span class="hidden">{text} {title}</span>
    </button>
  )
}
