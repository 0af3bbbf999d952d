import { AppError } from "../../shared/errors.ts";

const FIELDS = ["gpu", "backend", "region", "count"] as const;
type Field = (typeof FIELDS)[number];
export type Grouping = readonly Field[];

/** `gpu,backend`: one or several fields. */
export const groupBy = (given: string): Grouping =>
  given.split(",").map((text) => {
    const field = FIELDS.find((each) => each === text.trim());
    if (field) return field;
    throw new AppError(
      "invalid",
      `Invalid group-by value: '${text.trim()}'. Valid choices are: backend, count, gpu, region`,
    );
  });
