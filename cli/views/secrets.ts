import type { Secret } from "../../shared/api/secrets.ts";
import type { Output } from "../context.ts";
import { renderTable } from "../output/table.ts";

/** A value that was not asked for is shown as the reference does. */
export const renderSecrets = (out: Output, secrets: readonly Secret[]): string =>
  renderTable(
    out,
    [{ title: "NAME", isWhole: true }, { title: "VALUE" }],
    secrets.map(({ name, value }) => ({ cells: [name, value ?? "******"] })),
  );
