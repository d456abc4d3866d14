// What the server refuses, in the person's own language: by the code of a field or of the whole (API.md section 1.5). A code that people
// do not run into keeps the server's own words.
import { ApiError } from './api/http';
import { m } from './i18n';

const WORDS: Readonly<Record<string, () => string>> = {
  INVALID_LOGIN: m.refused_login,
  USERNAME_ALREADY_TAKEN: m.refused_username_taken,
  EMAIL_ALREADY_REGISTERED: m.refused_email_taken,
  EMAIL_TYPE_INVALID_EMAIL: m.refused_email,
  PASSWORD_DOES_NOT_MATCH: m.refused_password,
  REGISTRATION_DISABLED: m.refused_registration,
  INVITE_ONLY: m.register_invite_only,
  TOKEN_INVALID: m.refused_link,
  BASE_TYPE_REQUIRED: m.refused_empty,
  40005: m.refused_large,
  50001: m.refused_access,
  50007: m.refused_direct,
  50013: m.refused_right,
  50045: m.refused_large,
  80000: m.refused_requests,
  80001: m.refused_blocked,
  80003: m.refused_self,
  80004: m.refused_nobody,
  80007: m.refused_friends,
};

/** By the thousand of a code: what is unknown, and what there may be no more of. */
const KINDS: Readonly<Record<number, () => string>> = { 10: m.refused_gone, 30: m.refused_full };

/** What is wrong with a field. */
export function fieldText(error: ApiError, field: string): string {
  return WORDS[error.reasons[field] ?? '']?.() ?? error.fields[field] ?? '';
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
  return (WORDS[error.code] ?? KINDS[Math.floor(error.code / 1000)])?.() ?? error.message;
}
