// What calls for attention outside the page: desktop notifications, the number on the title and on the icon.
import type { Id, Message } from '../api/types';
import { isHeard, nextMuteEnd } from './notify';
import { isPing } from './reduce';
import type { World } from './world';

const KEY = 'hearth.notify';
/** The longest text a notification carries. */
const MAX_BODY_CHARS = 180;
/** The longest time a timer can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Stored {
  /** The person wants them on this device. */
  isOn: boolean;
  /** Names who wrote and where, but not what. */
  hidesContent: boolean;
  /** The offer to turn them on was made. */
  wasOffered: boolean;
}

const DEFAULTS: Stored = { isOn: false, hidesContent: false, wasOffered: false };

interface Hooks {
  /** Whether the person looks at a channel this moment. */
  isLookedAt: (channelId: Id) => boolean;
  /** Title of a notification. */
  titleOf: (message: Message) => string;
  /** Its text, as people read it; null for "a message". */
  textOf: (message: Message) => string;
  /** Goes to a message. */
  open: (message: Message) => void;
}

/** Notifications on this device. */
export class Notifications {
  /** Unix milliseconds, renewed when a mute ends: who reads it follows mutes. */
  nowMs = $state.raw(Date.now());
  permission: NotificationPermission | 'missing' = $state.raw(currentPermission());
  #stored: Stored = $state.raw(readStored());
  readonly #world: World;
  readonly #hooks: Hooks;
  readonly #shown = new Map<Id, Notification>();

  constructor(world: World, hooks: Hooks) {
    this.#world = world;
    this.#hooks = hooks;
  }

  get isOn(): boolean {
    return this.#stored.isOn && this.permission === 'granted';
  }
  get hidesContent(): boolean {
    return this.#stored.hidesContent;
  }
  /** Whether the person was never asked, and could say yes. */
  get mayOffer(): boolean {
    return !this.#stored.wasOffered && this.permission === 'default';
  }

  change(part: Partial<Stored>): void {
    this.#stored = { ...this.#stored, ...part };
    try {
      localStorage.setItem(KEY, JSON.stringify(this.#stored));
    } catch {
      // a browser that stores nothing: the choice lasts until the page closes
    }
  }

  /** Turns notifications on, asking the browser where it must. From a button only. Answers whether they are on. */
  async turnOn(): Promise<boolean> {
    if (this.permission === 'missing') return false;
    this.permission = await Notification.requestPermission();
    this.change({ isOn: this.permission === 'granted', wasOffered: true });
    return this.isOn;
  }

  /** Follows one event of the live connection. */
  follow(t: string, d: unknown): void {
    if (t === 'MESSAGE_CREATE') this.#consider(d as Message);
    else if (t === 'MESSAGE_ACK') this.clear((d as { channel_id: Id }).channel_id);
  }

  /** Takes back what is shown of a channel. */
  clear(channelId: Id): void {
    this.#shown.get(channelId)?.close();
    this.#shown.delete(channelId);
  }

  #consider(message: Message): void {
    const me = this.#world.me.value;
    if (!me || !this.isOn || this.#hooks.isLookedAt(message.channel_id)) return;
    const isCall = isPing(this.#world, message, me.id);
    if (!isHeard(this.#world, message, me.id, isCall, Date.now())) return;
    const { textOf, titleOf, open } = this.#hooks;
    const body = this.hidesContent ? '' : textOf(message).slice(0, MAX_BODY_CHARS);
    try {
      const shown = new Notification(titleOf(message), {
        body,
        tag: message.channel_id,
        icon: '/icons/hearth-192.png',
      });
      shown.onclick = () => {
        window.focus();
        open(message);
        shown.close();
      };
      this.#shown.set(message.channel_id, shown);
    } catch {
      // some phones allow them from the service worker alone, which shows what is pushed
    }
  }

  /** Puts the number of calls on the app's icon, where the system shows one. */
  setBadge(calls: number): void {
    const badge = navigator as { setAppBadge?: (count: number) => Promise<void> };
    badge.setAppBadge?.(calls).catch(() => undefined); // not installed, or not allowed: the title says it
    const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    const href = calls > 0 ? '/icons/hearth-calls.svg' : '/icons/hearth.svg';
    if (icon && icon.getAttribute('href') !== href) icon.setAttribute('href', href);
  }

  /** Wakes when a mute ends; answers with the undo. */
  listen(): () => void {
    return $effect.root(() => {
      $effect(() => {
        const end = nextMuteEnd(this.#world, this.nowMs);
        if (end === null) return;
        const waitMs = Math.min(Math.max(0, end - Date.now()) + 50, MAX_TIMER_MS);
        const timer = setTimeout(() => (this.nowMs = Date.now()), waitMs);
        return () => clearTimeout(timer);
      });
    });
  }
}

function currentPermission(): NotificationPermission | 'missing' {
  return typeof Notification === 'undefined' ? 'missing' : Notification.permission;
}

function readStored(): Stored {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Stored>) };
  } catch {
    return DEFAULTS;
  }
}
