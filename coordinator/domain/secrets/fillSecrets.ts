import { interpolate } from "../../../shared/config/interpolate.ts";
import { AppError } from "../../../shared/errors.ts";
import { Refusal } from "../../../shared/schema/refusal.ts";
import type { Db } from "../../store/db.ts";
import type { SecretBox } from "../../store/secretBox.ts";
import { listSecrets } from "../../store/secrets.ts";

/** The values of a project's secrets by their names; nothing is read where no text names one. */
export const readSecrets = async (
  { db, box }: { db: Db; box: SecretBox },
  projectId: string,
  texts: readonly string[],
): Promise<Record<string, string>> => {
  if (!texts.some(namesSecret)) return {};
  const rows = await listSecrets(db, projectId);
  return Object.fromEntries(rows.map((row) => [row.name, box.open(row.value_sealed)]));
};

const namesSecret = (text: string): boolean => /\$\{\{\s*secrets\./.test(text);

/**
 * Fills `${{ secrets.NAME }}` in the values, where `$$` stands for `$` (docs/spec/configuration.md §9). Throws `invalid`, naming the key and the
 * reference but no value, where one is not known or not well formed.
 */
export const fillSecrets = <T extends Record<string, string>>(
  values: T,
  secrets: Record<string, string>,
  what: string,
): T =>
  Object.fromEntries(
    Object.entries(values).map(([key, text]) => {
      try {
        return [key, interpolate(text, { secrets })];
      } catch (err) {
        if (!(err instanceof Refusal)) throw err;
        throw new AppError("invalid", `Cannot fill ${what} ${key}: ${err.message}`, {
          hint: "Set what is missing with `dstack secret set NAME VALUE`",
          cause: err,
        });
      }
    }),
  ) as T;
