// Which messages people said, and which the server told.
import { MessageType } from '../api/enums';

/** Whether a message of this type was said by someone: ordinary ones, replies, and answers to commands (20, 23). */
export function isSpokenType(type: number): boolean {
  return type === MessageType.default || type === MessageType.reply || type === 20 || type === 23;
}
