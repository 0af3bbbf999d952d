import { AppError } from "../../shared/errors.ts";
import { UsageError } from "../args/parse.ts";

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** What a `get` asks for: exactly one of the two. */
export const nameOrId = ({ name, id }: { name: string | undefined; id: string | undefined }) => {
  if (name !== undefined && id !== undefined)
    throw new UsageError("argument --id: not allowed with argument NAME");
  if (id !== undefined) {
    if (!UUID.test(id)) throw new AppError("invalid", `Invalid UUID format: ${id}`);
    return { id };
  }
  if (name !== undefined) return { name };
  throw new UsageError("one of the arguments NAME --id is required");
};
