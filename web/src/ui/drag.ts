// Dragging rows of a list, over the browser's own drag and drop. Loaded when the page is idle: see sortable.ts.
import { combine } from '@atlaskit/pragmatic-drag-and-drop/combine';
import { draggable, dropTargetForElements } from '@atlaskit/pragmatic-drag-and-drop/element/adapter';
import type { Sortable, Zone } from './sortable';

/** The part of a row's height at each end that means beside it, where its middle means into it. */
const EDGE = 0.28;

function zoneAt(element: Element, clientY: number, hasInto: boolean): Zone {
  const { top, height } = element.getBoundingClientRect();
  const part = height === 0 ? 0 : (clientY - top) / height;
  if (!hasInto) return part < 0.5 ? 'before' : 'after';
  return part < EDGE ? 'before' : part > 1 - EDGE ? 'after' : 'into';
}

/** Makes an element draggable and a place to drop on; answers with the undo. */
export function attach<T>(element: HTMLElement, options: Sortable<T>): () => void {
  const show = (zone: Zone | null): void => {
    if (zone) element.dataset['drop'] = zone;
    else delete element.dataset['drop'];
  };
  return combine(
    draggable({
      element,
      canDrag: () => options.isOn?.() ?? true,
      getInitialData: () => ({ kind: options.kind, held: options.held() }),
      onDragStart: () => (element.dataset['dragging'] = ''),
      onDrop: () => delete element.dataset['dragging'],
    }),
    dropTargetForElements({
      element,
      canDrop: ({ source }) =>
        source.element !== element &&
        source.data['kind'] === options.kind &&
        options.accepts(source.data['held'] as T),
      onDrag: ({ source, location }) =>
        show(
          zoneAt(
            element,
            location.current.input.clientY,
            options.hasInto?.(source.data['held'] as T) ?? false,
          ),
        ),
      onDragLeave: () => show(null),
      onDrop: ({ source, location }) => {
        const held = source.data['held'] as T;
        show(null);
        // a row inside another that takes drops too: the inner one is meant
        if (location.current.dropTargets[0]?.element !== element) return;
        options.drop(held, zoneAt(element, location.current.input.clientY, options.hasInto?.(held) ?? false));
      },
    }),
  );
}
