// Handles of files, where the browser has them: may they be read, and if not, will the reader allow it?

type Asking = FileSystemFileHandle & {
  queryPermission?: (how: object) => Promise<PermissionState>
  requestPermission?: (how: object) => Promise<PermissionState>
}
const READING = { mode: 'read' }

/** Tell whether a file can be read without asking anybody. */
export async function isGranted(handle: FileSystemFileHandle | null): Promise<boolean> {
  try {
    return (await (handle as Asking | null)?.queryPermission?.(READING)) === 'granted'
  } catch {
    return false
  }
}

/** Ask the reader; only a click may. Rejects where the browser cannot ask. */
export const isAllowed = async (handle: FileSystemFileHandle): Promise<boolean> =>
  (await isGranted(handle)) || (await (handle as Asking).requestPermission?.(READING)) === 'granted'
