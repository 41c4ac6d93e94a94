import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { dirOf, t } from '../shared/i18n'
import { Note } from '../shared/notices'
import { CaptionsField, useCaptions } from './captions'
import type { Library } from './library'
import type { Video } from './records'

/** Title and description of a video. What was typed stays until the server has it, or the reader gives it up. */
export function Edit({ video, library, onClose }: { video: Video; library: Library; onClose: () => void }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null)
  const [title, setTitle] = useState(video.title)
  const [description, setDescription] = useState(video.description)
  const [originalName, setName] = useState(video.originalName)
  const captions = useCaptions(video)
  const [failure, fail] = useState<string | null>(null)
  const [isSaving, setSaving] = useState(false)
  useEffect(() => dialog.current?.showModal(), [])

  const save = async (): Promise<void> => {
    if (isSaving) return
    setSaving(true)
    fail(null)
    try {
      await library.captions(video.id, captions.removed, captions.added)
      await library.change(video.id, { title: title.trim(), description, ...(originalName.trim() === video.originalName ? {} : { originalName: originalName.trim() }) })
      dialog.current?.close()
    } catch (error) {
      fail((error as Error).message)
    } finally {
      setSaving(false)
    }
  }

  return (
    <dialog ref={dialog} class="edit" aria-labelledby="edit-heading" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void save()
        }}
      >
        <h2 id="edit-heading">{t('edit.heading')}</h2>
        <div class="field">
          <label for="edit-title">{t('title')}</label>
          <input id="edit-title" type="text" required maxLength={200} pattern=".*\S.*" autocomplete="off" dir={dirOf(title)} value={title} onInput={(event) => setTitle(event.currentTarget.value)} />
        </div>
        <div class="field">
          <label for="edit-description">{t('description')}</label>
          <textarea id="edit-description" maxLength={5000} rows={4} dir={dirOf(description)} value={description} onInput={(event) => setDescription(event.currentTarget.value)} />
        </div>
        <div class="field">
          <label for="edit-name">{t('name')}</label>
          <input id="edit-name" type="text" required maxLength={200} pattern=".*\S.*" autocomplete="off" dir="auto" aria-describedby="edit-name-hint" value={originalName} onInput={(event) => setName(event.currentTarget.value)} />
          <p class="hint" id="edit-name-hint">{t('name.hint')}</p>
        </div>
        <CaptionsField captions={captions} />
        {failure && <Note kind="bad" text={failure} />}
        <div class="actions">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>{t('cancel')}</button>
          <button type="submit" class="button primary" aria-disabled={isSaving}>{t(isSaving ? 'saving' : 'save')}</button>
        </div>
      </form>
    </dialog>
  )
}
