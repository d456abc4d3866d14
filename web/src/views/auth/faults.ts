// A refusal as a form shows it: beside its field where it has one, above the button otherwise.
import { ApiError } from '../../api/http';
import { m } from '../../i18n';

export interface FormFaults {
  readonly fields: Readonly<Record<string, string>>;
  readonly whole: string | null;
}

/** What people run into, in their own language, by the code of a field or of the whole (API.md section 1.5). */
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
  80000: m.refused_requests,
  80001: m.refused_blocked,
  80003: m.refused_self,
  80004: m.refused_nobody,
  80007: m.refused_friends,
};

export const NO_FAULTS: FormFaults = { fields: {}, whole: null };

/** Sorts a refusal by the fields this form has. */
export function formFaults(error: unknown, known: readonly string[]): FormFaults {
  if (!(error instanceof ApiError)) return { fields: {}, whole: String(error) };
  if (error.status === 0) return { fields: {}, whole: m.unreachable() };
  if (error.status === 429) return { fields: {}, whole: m.too_fast() };
  const entries = Object.entries(error.fields).map(
    ([field, text]) => [field, WORDS[error.reasons[field] ?? '']?.() ?? text] as const,
  );
  const strange = entries.filter(([field]) => !known.includes(field)).map(([, text]) => text);
  const whole = strange.join(' ') || (entries.length === 0 ? (WORDS[error.code]?.() ?? error.message) : null);
  return { fields: Object.fromEntries(entries), whole };
}
