// Ways in: picker, drop, paste. Where the browser gives handles of files, they are kept, so that a reload needs no picking.
import type { Chosen } from './model'

type Picker = (options: { multiple: boolean }) => Promise<FileSystemFileHandle[]>
const picker = (): Picker | undefined => (globalThis as { showOpenFilePicker?: Picker }).showOpenFilePicker

export const keepsHandles = (): boolean => picker() !== undefined

/** Open the browser's own picker; null when the reader took nothing. */
export async function pick(multiple: boolean): Promise<Chosen[] | null> {
  try {
    const handles = await picker()!({ multiple })
    return await Promise.all(handles.map(async (handle) => ({ file: await handle.getFile(), handle })))
  } catch {
    return null
  }
}

/** What was dropped; folders are left out, `folders` tells how many. */
export async function dropped(data: DataTransfer): Promise<{ chosen: Chosen[]; folders: number }> {
  type Item = DataTransferItem & { getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> }
  // The items are gone after the first await, so all are asked before it.
  const asked = [...data.items]
    .filter((item) => item.kind === 'file')
    .map((item: Item) => ({
      file: item.getAsFile(),
      isFolder: item.webkitGetAsEntry?.()?.isDirectory ?? false,
      handle: item.getAsFileSystemHandle?.().catch(() => null) ?? Promise.resolve(null),
    }))
  const chosen: Chosen[] = []
  for (const { file, isFolder, handle } of asked) {
    const found = await handle
    if (file && !isFolder) chosen.push({ file, handle: found?.kind === 'file' ? (found as FileSystemFileHandle) : null })
  }
  return { chosen, folders: asked.filter((one) => one.isFolder).length }
}
