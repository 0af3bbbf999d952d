import { fromWireTime } from "../../shared/api/scalars.ts";
import type { Page } from "../store/page.ts";

/** The paging fields of a request as the store takes them (docs/spec/http-api.md §1.7). */
export const pageOf = (body: {
  prev_created_at: string | null;
  prev_id: string | null;
  ascending: boolean;
  limit: number;
}): Page => ({
  prevTime: body.prev_created_at === null ? null : fromWireTime(body.prev_created_at),
  prevId: body.prev_id,
  ascending: body.ascending,
  limit: body.limit,
});

/** Where the wire has no pages. */
export const NO_LIMIT: Page = { prevTime: null, prevId: null, ascending: false, limit: 1_000_000 };
