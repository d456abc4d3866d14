// What comes by picker, paste or drop, and what of it a message can take.
import { MAX_FILES } from '../api/limits';

export interface Admission {
  taken: File[];
  /** Larger than the instance takes. */
  tooBig: File[];
  /** How many found no room in the message. */
  tooMany: number;
}

/** Sorts files before anything of them is sent. `held`: how many the message has already. */
export function admit(files: readonly File[], held: number, maxBytes: number): Admission {
  const fitting = files.filter((file) => file.size <= maxBytes);
  const room = Math.max(0, MAX_FILES - held);
  return {
    taken: fitting.slice(0, room),
    tooBig: files.filter((file) => file.size > maxBytes),
    tooMany: Math.max(0, fitting.length - room),
  };
}

/** Whether a drag carries files. */
export function carriesFiles(data: DataTransfer | null): boolean {
  return data?.types.includes('Files') ?? false;
}

/** The files of a drop; folders are not files. */
export function filesOf(data: DataTransfer): File[] {
  return [...data.items].flatMap((item) => {
    if (item.kind !== 'file' || item.webkitGetAsEntry()?.isDirectory) return [];
    return item.getAsFile() ?? [];
  });
}

/** The files of a paste; none where it is text that also comes as a picture of itself. */
export function pastedFiles(data: DataTransfer): File[] {
  const { types } = data;
  if (types.includes('text/plain') && !types.includes('text/uri-list')) return [];
  return filesOf(data);
}
