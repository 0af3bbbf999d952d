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

/** `3 of 8 layers at 35MB/s`, of a host whose agent tells; empty: it does not. */
export const pullPace = ({
  layers_total,
  layers_done,
  bytes_per_second,
  ...bytes
}: ImagePullProgress): string => {
  const layers = layers_total ? `${layers_done ?? 0} of ${layers_total} layers` : "";
  const isDownloading = !bytes.is_total_bytes_final || bytes.downloaded_bytes < bytes.total_bytes;
  const speed = isDownloading && bytes_per_second ? `at ${formatSpeed(bytes_per_second)}` : "";
  return [layers, speed].filter(Boolean).join(" ");
};

const formatSpeed = (bytesPerSecond: number): string =>
  bytesPerSecond >= MIB
    ? `${(bytesPerSecond / MIB).toFixed(bytesPerSecond >= 10 * MIB ? 0 : 1)}MB/s`
    : `${Math.round(bytesPerSecond / 1024)}KB/s`;
