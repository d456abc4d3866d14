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
