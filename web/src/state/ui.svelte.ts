// What is open on the screen: dialogs, notes at its foot, the message being edited or answered.
import { faultText } from '../refusals';
import type { CustomEmoji, Id, Message, Sound, Sticker } from '../api/types';

export type Dialog =
  | { kind: 'addGuild' }
  | { kind: 'invite'; guildId: Id }
  | { kind: 'deleteGuild'; guildId: Id }
  | { kind: 'leaveGuild'; guildId: Id }
  | { kind: 'createChannel'; guildId: Id; parentId: Id | null }
  | { kind: 'createCategory'; guildId: Id }
  | { kind: 'editChannel'; channelId: Id }
  | { kind: 'deleteChannel'; channelId: Id }
  | { kind: 'deleteMessage'; message: Message }
  | { kind: 'deleteEmoji'; guildId: Id; emoji: CustomEmoji }
  | { kind: 'deleteSticker'; guildId: Id; sticker: Sticker }
  | { kind: 'deleteSound'; guildId: Id; sound: Sound }
  | { kind: 'reactors'; message: Message }
  | { kind: 'invites'; guildId: Id }
  | { kind: 'revokeInvite'; guildId: Id; code: string }
  | { kind: 'hearing'; guildId: Id | null; channelId: Id | null }
  | { kind: 'folder'; folderId: number }
  | { kind: 'customStatus' }
  | { kind: 'newGroup'; channelId: Id | null }
  | { kind: 'renameGroup'; channelId: Id }
  | { kind: 'leaveGroup'; channelId: Id }
  | { kind: 'removeFromGroup'; channelId: Id; userId: Id }
  | { kind: 'dropRequest'; channelId: Id }
  | { kind: 'endFriendship'; userId: Id }
  | { kind: 'declineFriend'; userId: Id }
  | { kind: 'block'; userId: Id }
  | { kind: 'kick'; guildId: Id; userId: Id }
  | { kind: 'ban'; guildId: Id; userId: Id }
  | { kind: 'keys' }
  | { kind: 'switcher' }
  /** Opens beside `anchor`, else beside what has the focus, else in the middle. */
  | { kind: 'person'; userId: Id; guildId: Id | null; anchor?: HTMLElement };

export interface Toast {
  id: number;
  text: string;
  isFault: boolean;
  /** What can be done about it, such as undoing it. */
  action?: ToastAction | undefined;
}

export interface ToastAction {
  label: string;
  run: () => unknown;
}

const TOAST_MS = 6000;
/** One with a button stays long enough to reach it. */
const TOAST_WITH_ACTION_MS = 12_000;
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
  tell(text: string, isFault = false, action?: ToastAction): void {
    const toast = { id: this.#nextToast++, text, isFault, action };
    this.toasts = [...this.toasts, toast].slice(-MAX_TOASTS);
    setTimeout(() => this.dismiss(toast.id), action ? TOAST_WITH_ACTION_MS : TOAST_MS);
  }

  /** Does something, and says why when the server refuses. Answers whether it was done. */
  async attempt(act: () => Promise<unknown>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      this.tell(faultText(error), true);
      return false;
    }
  }

  /** Does something that can be taken back, and offers that (`undo`: the way back and its button). */
  async undoable(text: string, act: () => Promise<unknown>, undo: ToastAction): Promise<void> {
    if (!(await this.attempt(act))) return;
    this.tell(text, false, { label: undo.label, run: () => void this.attempt(async () => undo.run()) });
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }
}
