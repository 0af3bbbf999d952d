import type { ImagePullProgress } from "../../shared/api/jobs.ts";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** `200/300/500MB`: extracted, downloaded, total; `≥` before a total that may still grow (docs/spec/cli.md §7.3). */
export const pullProgress = (progress: ImagePullProgress): string => {
  const isLarge = progress.total_bytes >= GIB;
  const size = (bytes: number) => (isLarge ? (bytes / GIB).toFixed(2) : String(Math.round(bytes / MIB)));
  const bound = progress.is_total_bytes_final ? "" : "≥";
  const unit = isLarge ? "GB" : "MB";
  return `${size(progress.extracted_bytes)}/${size(progress.downloaded_bytes)}/${bound}${size(progress.total_bytes)}${unit}`;
};
