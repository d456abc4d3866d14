// What the server refuses, in the person's own language: by the code of a field or of the whole (API.md section 1.5). A code that people
// do not run into keeps the server's own words.
import { ApiError } from './api/http';
import { count, m } from './i18n';

const WORDS: Readonly<Record<string, () => string>> = {
  INVALID_LOGIN: m.refused_login,
  USERNAME_ALREADY_TAKEN: m.refused_username_taken,
  USERNAME_INVALID: m.refused_username,
  USERNAME_RATE_LIMIT: m.refused_username_again,
  EMAIL_ALREADY_REGISTERED: m.refused_email_taken,
  EMAIL_TYPE_INVALID_EMAIL: m.refused_email,
  PASSWORD_DOES_NOT_MATCH: m.refused_password,
  REGISTRATION_DISABLED: m.refused_registration,
  INVITE_ONLY: m.register_invite_only,
  TOKEN_INVALID: m.refused_link,
  SETUP_TOKEN_INVALID: m.refused_setup,
  BASE_TYPE_REQUIRED: m.refused_empty,
  BINARY_TYPE_MAX_SIZE: m.refused_large,
  STRING_TYPE_REGEX: m.emoji_name_fault,
  IMAGE_INVALID: m.refused_picture,
  SOUND_INVALID: m.refused_sound,
  SOUND_DURATION: m.refused_sound_long,
  REPLIES_UNKNOWN_MESSAGE: m.reply_source_gone,
  URL_TYPE_INVALID_SCHEME: m.refused_address,
  OAUTH2_INVALID_SCOPE: m.refused_app_link,
  OAUTH2_INVALID_REDIRECT_URI: m.refused_app_link,
  OAUTH2_INVALID_CHALLENGE_METHOD: m.refused_app_link,
  OAUTH2_UNSUPPORTED_RESPONSE_TYPE: m.refused_app_link,
  30046: m.too_fast,
  40005: m.refused_large,
  40007: m.refused_banned,
  40011: m.refused_owner,
  50001: m.refused_access,
  50005: m.refused_right,
  50007: m.refused_direct,
  50009: m.refused_newcomer,
  50013: m.refused_right,
  50045: m.refused_large,
  50046: m.refused_file,
  50138: m.refused_large,
  50146: m.refused_gone,
  50173: m.refused_right,
  50278: m.refused_direct,
  50600: m.refused_right,
  80000: m.refused_requests,
  80001: m.refused_blocked,
  80002: m.refused_requests,
  80003: m.refused_self,
  80004: m.refused_nobody,
  80007: m.refused_friends,
  90001: m.refused_blocked,
  160002: m.refused_right,
  200000: m.refused_rules,
  340015: m.refused_joins,
};

/** Those about numbers, which stand in the server's sentence. */
const MEASURED: Readonly<Record<string, (...numbers: string[]) => string>> = {
  BASE_TYPE_BAD_LENGTH: (least = '', most = '') => m.refused_length({ least, most }),
  BASE_TYPE_MIN_LENGTH: (least = '') => m.refused_short({ least }),
  BASE_TYPE_MAX_LENGTH: (most = '') => m.refused_long({ most }),
  STORAGE_QUOTA_REACHED: (most = '', held = '', more = '') => m.refused_quota({ most, held, more }),
};

/** By the thousand of a code: what is unknown, and what there may be no more of. */
const KINDS: Readonly<Record<number, () => string>> = { 10: m.refused_gone, 30: m.refused_full };

/** By status, of what has no code. */
const STATUSES: Readonly<Record<number, () => string>> = {
  403: m.refused_right,
  404: m.refused_gone,
  413: m.refused_large,
};

/** What is wrong with a field. */
export function fieldText(error: ApiError, field: string): string {
  const reason = error.reasons[field] ?? '';
  const said = error.fields[field] ?? '';
  const numbers = said.match(/\d+/g)?.map((digits) => count(Number(digits))) ?? [];
  return MEASURED[reason]?.(...numbers) ?? WORDS[reason]?.() ?? said;
}

/** A refusal in words: those of its first field if it names any. */
export function faultText(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  const [field] = Object.keys(error.fields);
  if (field !== undefined) return fieldText(error, field);
  if (error.status === 0) return m.unreachable();
  if (error.status === 429) return m.too_fast();
  // 503 says in a sentence what is the matter, such as a full disk
  if (error.status >= 500 && error.status !== 503) return m.refused_server();
  const words = error.code === 0 ? STATUSES[error.status] : WORDS[error.code];
  return (words ?? KINDS[Math.floor(error.code / 1000)])?.() ?? error.message;
}
