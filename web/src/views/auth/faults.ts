// A refusal as a form shows it: beside its field where it has one, above the button otherwise.
import { ApiError } from '../../api/http';
import { faultText, fieldText } from '../../refusals';

export interface FormFaults {
  readonly fields: Readonly<Record<string, string>>;
  readonly whole: string | null;
}

export const NO_FAULTS: FormFaults = { fields: {}, whole: null };

/** Sorts a refusal by the fields this form has. */
export function formFaults(error: unknown, known: readonly string[]): FormFaults {
  if (!(error instanceof ApiError)) return { fields: {}, whole: String(error) };
  const entries = Object.keys(error.fields).map((field) => [field, fieldText(error, field)] as const);
  const strange = entries.filter(([field]) => !known.includes(field)).map(([, text]) => text);
  const whole = strange.join(' ') || (entries.length === 0 ? faultText(error) : null);
  return { fields: Object.fromEntries(entries), whole };
}
