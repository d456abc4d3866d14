// What every row of the channel tree answers to: being dragged and dropped on, the keys that move it, and its menu at the pointer.
import type { Attachment } from 'svelte/attachments';
import { on } from 'svelte/events';
import type { Channel } from '../../api/types';
import type { Client } from '../../state/client.svelte';
import { sortable, type Zone } from '../../ui/sortable';
import { moveStep } from './channelMenu';

export interface TreeRow {
  mayManage: boolean;
  onmenu: (anchor: HTMLElement | { x: number; y: number }, channel: Channel) => void;
  ondropped: (held: Channel, target: Channel, zone: Zone) => void;
}

interface Rules {
  accepts: (held: Channel) => boolean;
  /** Whether letting go on the middle means into it. */
  hasInto?: (held: Channel) => boolean;
  /** Where something that was let go belongs, if not where it was let go. */
  zoneOf?: (held: Channel, zone: Zone) => Zone;
}

/** The row of a channel. Both are asked for when something happens, as they change without the row being made anew. */
export function treeRow(
  client: Client,
  channel: () => Channel,
  row: () => TreeRow,
  rules: Rules,
): Attachment<HTMLElement> {
  const place = sortable<Channel>({
    kind: 'channel',
    held: channel,
    isOn: () => row().mayManage,
    ...rules,
    drop: (held, zone) => row().ondropped(held, channel(), rules.zoneOf?.(held, zone) ?? zone),
  });
  const onKey = (event: KeyboardEvent): void => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key] as -1 | 1 | undefined;
    const isMove = by && event.shiftKey && (event.ctrlKey || event.metaKey) && !event.altKey;
    if (!isMove || !row().mayManage) return;
    event.preventDefault();
    event.stopPropagation();
    const { id } = channel();
    void moveStep(client, channel(), by).then(() =>
      document.querySelector<HTMLElement>(`[data-channel="${id}"] :is(a, button)`)?.focus(),
    );
  };
  const onMenu = (event: MouseEvent): void => {
    event.preventDefault();
    row().onmenu({ x: event.clientX, y: event.clientY }, channel());
  };
  return (element) => {
    const undo = [place(element), on(element, 'keydown', onKey), on(element, 'contextmenu', onMenu)];
    return () => undo.forEach((end) => end?.());
  };
}
