import { z } from "zod";

/** ISO 8601; ours always end in `Z` with microseconds (docs/spec/http-api.md §1.5). */
export const WireTime = z.iso.datetime({ offset: true, local: true });
export type WireTime = z.infer<typeof WireTime>;

/** Milliseconds since 1970 as the wire's time, e.g. `2026-03-01T09:30:00.123000Z`. */
export const toWireTime = (ms: number): WireTime => `${new Date(ms).toISOString().slice(0, -1)}000Z`;

/** A time without an offset is taken as UTC; microseconds are dropped, as nothing of ours is that fine. */
export const fromWireTime = (time: WireTime): number => {
  const hasOffset = /(?:[Zz]|[+-]\d\d:?\d\d)$/.test(time);
  return Math.floor(Date.parse(hasOffset ? time : `${time}Z`));
};

/** Microseconds since 1970, for what is told apart more finely than by milliseconds. */
export const wireTimeOfMicros = (micros: number): WireTime => {
  const ms = Math.floor(micros / 1000);
  return `${new Date(ms).toISOString().slice(0, -1)}${String(micros - ms * 1000).padStart(3, "0")}Z`;
};

/** As `fromWireTime`, with the microseconds. */
export const microsOfWireTime = (time: WireTime): number => {
  const [, digits = ""] = /\.\d{3}(\d{1,3})/.exec(time) ?? [];
  return fromWireTime(time) * 1000 + Number(digits.padEnd(3, "0"));
};

/** Version 4 where the stock client demands it (docs/spec/http-api.md §1.5). */
export const Uuid4 = z.uuidv4();
/** Any version. */
export const Uuid = z.uuid();

/** Lower-case hex SHA-256. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Names of runs, fleets, volumes and gateways (docs/spec/http-api.md §1.6). */
export const RESOURCE_NAME = /^[a-z][a-z0-9-]{1,40}$/;
export const PROJECT_NAME = /^[a-zA-Z0-9-_]{1,50}$/;
export const USERNAME = /^[a-zA-Z0-9-_]{1,60}$/;

/** Names or ids in one request: more are sent in several. One query of the database takes three times as many. */
const MOST_LISTED = 10_000;
export const listed = <S extends z.ZodType>(element: S) => z.array(element).max(MOST_LISTED);

/** Keyset paging: the last row's sort value and id (docs/spec/http-api.md §1.7). */
export const pageFields = (maxLimit: number, defaultLimit: number) => ({
  limit: z.number().int().min(0).max(maxLimit).default(defaultLimit),
  ascending: z.boolean().default(false),
});
