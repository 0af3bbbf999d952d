import { z } from "zod";

/** The codes of a 400; every other one is a kind of `error` for the client (docs/spec/http-api.md §1.4). */
export const ApiErrorCode = z.enum([
  "error",
  "resource_exists",
  "resource_not_exists",
  "invalid_credentials",
  "backend_not_available",
  "repo_does_not_exist",
  "gateway_error",
]);
export type ApiErrorCode = z.infer<typeof ApiErrorCode>;

/** 400: exactly one entry, and no other keys, or the stock client crashes. */
export const DomainErrorBody = z.object({
  detail: z.tuple([
    z.object({ code: ApiErrorCode.nullable(), msg: z.string(), fields: z.array(z.string()).optional() }),
  ]),
});

/** 422: one entry per problem; `loc` begins with `body`. */
export const ValidationErrorBody = z.object({
  detail: z.array(
    z.object({
      type: z.string(),
      loc: z.array(z.union([z.string(), z.number()])),
      msg: z.string(),
      input: z.unknown().optional(),
      /** Ours: what is wrong, what is allowed and what was likely meant, as the command line says it. */
      hint: z.string().optional(),
    }),
  ),
});
export type ValidationErrorBody = z.infer<typeof ValidationErrorBody>;

/** 403, 404 of a project, 413 and 500: `code` is null. */
export const PlainErrorBody = z.object({ detail: z.object({ msg: z.string(), code: z.null() }) });

/** 401, 404 and 405 of a route. */
export const TextErrorBody = z.object({ detail: z.string() });

/** Whatever a refusal may carry; the first form that fits is meant. */
export const ApiErrorBody = z.union([DomainErrorBody, ValidationErrorBody, PlainErrorBody, TextErrorBody]);
export type ApiErrorBody = z.infer<typeof ApiErrorBody>;
