// A refusal as a form shows it: beside its field where it has one, above the button otherwise.
import { ApiError } from '../../api/http';
import { m } from '../../i18n';

export interface FormFaults {
  readonly fields: Readonly<Record<string, string>>;
  readonly whole: string | null;
}

export const NO_FAULTS: FormFaults = { fields: {}, whole: null };

/** Sorts a refusal by the fields this form has. */
export function formFaults(error: unknown, known: readonly string[]): FormFaults {
  if (!(error instanceof ApiError)) return { fields: {}, whole: String(error) };
  if (error.status === 0) return { fields: {}, whole: m.unreachable() };
  if (error.status === 429) return { fields: {}, whole: m.too_fast() };
  const entries = Object.entries(error.fields);
  const strange = entries.filter(([field]) => !known.includes(field)).map(([, text]) => text);
  const whole = strange.join(' ') || (entries.length === 0 ? error.message : null);
  return { fields: error.fields, whole };
}
