// Limits of what people write (API.md section 5); the server checks them again.

export const MAX_CONTENT_CHARS = 2000;
/** Messages in one page of history. */
export const PAGE_SIZE = 50;
/** The most one page can hold. */
export const MAX_PAGE = 100;
export const MAX_BIO_CHARS = 190;
export const MAX_PRONOUNS_CHARS = 40;
export const MAX_GLOBAL_NAME_CHARS = 32;
export const MAX_AVATAR_BYTES = 10 * 1024 * 1024;
export const MIN_PASSWORD_BYTES = 8;
/** Files of one message. */
export const MAX_FILES = 10;
/** Bytes of one file, where the instance did not say (API.md section 1.10). */
export const DEFAULT_MAX_FILE_BYTES = 25 * 1024 * 1024;
export const MAX_FILE_NAME_CHARS = 260;
export const MAX_ALT_CHARS = 1024;
/** Addresses that can be signed anew in one call. */
export const MAX_REFRESHED = 50;
export const MAX_EMOJI_BYTES = 256 * 1024;
export const MAX_STATUS_CHARS = 128;
export const MAX_NOTE_CHARS = 256;
/** People in a group conversation, oneself among them. */
export const MAX_GROUP_PEOPLE = 10;
/** Still emoji of a guild, and as many that move. */
export const MAX_EMOJI = 250;
export const MAX_SOUNDS = 48;
export const MAX_SOUND_BYTES = 512 * 1024;
export const MAX_SOUND_SECONDS = 5.2;
export const MAX_SOUND_NAME_CHARS = 32;
export const MAX_VOICE_STATUS_CHARS = 500;
export const MAX_STICKERS = 60;
export const MAX_STICKER_BYTES = 512 * 1024;
/** The longer side of a sticker, in pixels. */
export const MAX_STICKER_PX = 320;
export const MAX_STICKER_NAME_CHARS = 30;
export const MAX_STICKER_ABOUT_CHARS = 100;
/** Stickers of one message. */
export const MAX_SENT_STICKERS = 3;
