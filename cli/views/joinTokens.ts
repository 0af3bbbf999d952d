import type { JoinToken } from "../../shared/api/joinTokens.ts";
import { labelsText } from "../../shared/api/labels.ts";
import { fromWireTime } from "../../shared/api/scalars.ts";
import type { Output } from "../context.ts";
import { renderTable } from "../output/table.ts";
import { ago, longDuration } from "../output/time.ts";

/** "for 23h 59m", or "no longer". */
export const ttlText = (token: Pick<JoinToken, "expires_at">, nowMs: number): string => {
  const seconds = Math.floor((fromWireTime(token.expires_at) - nowMs) / 1000);
  if (seconds <= 0) return "no longer";
  return `for ${longDuration(seconds >= 60 ? seconds - (seconds % 60) : seconds)}`;
};

export const renderJoinTokens = (out: Output, tokens: readonly JoinToken[], nowMs: number): string =>
  renderTable(
    out,
    [
      { title: "ID", isWhole: true },
      { title: "FLEET", isWhole: true },
      { title: "USES LEFT" },
      { title: "BLOCKS" },
      { title: "LABELS" },
      { title: "VALID" },
      { title: "CREATED" },
    ],
    tokens.map((token) => ({
      cells: [
        token.id,
        token.fleet,
        token.uses_left === null ? "any" : String(token.uses_left),
        token.blocks ? String(token.blocks) : "",
        token.labels ? labelsText(token.labels) : "",
        ttlText(token, nowMs),
        ago(fromWireTime(token.created_at), nowMs),
      ],
    })),
  );
