// What is open on the screen: dialogs, notes at its foot, the message being edited or answered.
import type { Id, Message } from '../api/types';

export type Dialog =
  | { kind: 'addGuild' }
  | { kind: 'invite'; guildId: Id }
  | { kind: 'guildSettings'; guildId: Id }
  | { kind: 'deleteGuild'; guildId: Id }
  | { kind: 'leaveGuild'; guildId: Id }
  | { kind: 'createChannel'; guildId: Id; parentId: Id | null }
  | { kind: 'createCategory'; guildId: Id }
  | { kind: 'editChannel'; channelId: Id }
  | { kind: 'deleteChannel'; channelId: Id }
  | { kind: 'deleteMessage'; message: Message }
  | { kind: 'reactors'; message: Message }
  | { kind: 'person'; userId: Id; guildId: Id | null };

export interface Toast {
  id: number;
  text: string;
  isFault: boolean;
}

const TOAST_MS = 6000;
const MAX_TOASTS = 3;

/** The screen's own state. */
export class Ui {
  dialog: Dialog | null = $state.raw(null);
  toasts: readonly Toast[] = $state.raw([]);
  /** The message under edit, if any. */
  editingId: Id | null = $state.raw(null);
  /** Rises when the composer is wanted: it takes the focus. */
  composing = $state.raw(0);
  #nextToast = 0;

  open(dialog: Dialog): void {
    this.dialog = dialog;
  }

  close(): void {
    this.dialog = null;
  }

  /** Says something at the foot of the screen for a few seconds. */
  tell(text: string, isFault = false): void {
    const toast = { id: this.#nextToast++, text, isFault };
    this.toasts = [...this.toasts, toast].slice(-MAX_TOASTS);
    setTimeout(() => this.dismiss(toast.id), TOAST_MS);
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }
}
