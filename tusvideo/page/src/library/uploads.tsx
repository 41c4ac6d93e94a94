import type { JSX } from 'preact'
import { bytes, date, percent } from '../shared/format'
import { has, t } from '../shared/i18n'
import { isOnItsWay, type Upload } from './records'

/** What is on its way, from whatever device. It is gone on with where it was begun. */
export function Uploads({ uploads }: { uploads: readonly Upload[] }): JSX.Element | null {
  const shown = uploads.filter(isOnItsWay)
  if (!shown.length) return null
  return (
    <section class="uploads" aria-labelledby="uploads-heading">
      <h2 id="uploads-heading">{t('uploads')}</h2>
      <ul role="list">
        {shown.map((upload) => <Row key={upload.id} upload={upload} />)}
      </ul>
    </section>
  )
}

function Row({ upload }: { upload: Upload }): JSX.Element {
  const { id, state, title, filename, offset, length, reason, expiresAt } = upload
  const share = length === null ? null : length ? offset / length : 1
  const amount = length === null ? bytes(offset) : t('amount', { sent: bytes(offset), size: bytes(length) })
  return (
    <li class={`card upload ${state}`}>
      <div class="line">
        <h3 id={`upload-${id}`}><bdi>{title || filename}</bdi></h3>
        <span class="meta state">{t(`upload.${state}`)}</span>
      </div>
      {state !== 'failed' && state !== 'checking' && (
        <div class="progress">
          <progress
            max={100}
            {...(share === null ? {} : { value: Math.floor(share * 100) })}
            aria-labelledby={`upload-${id}`}
            aria-valuetext={[share === null ? '' : percent(share), amount].filter(Boolean).join(', ')}
          />
          <p class="figures" aria-hidden="true">
            {share !== null && <span class="percent">{percent(share)}</span>} {amount}
          </p>
        </div>
      )}
      {state === 'paused' && expiresAt && <p class="hint">{t('upload.expires', { date: date(expiresAt) })}</p>}
      {state === 'failed' && <p class="hint">{t(has(`reason.${reason}`) ? `reason.${reason}` : 'reason.other')}</p>}
    </li>
  )
}
