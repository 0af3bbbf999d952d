import { checkUploadSize } from "../../shared/uploadLimit.ts";
import type { Api } from "../api/client.ts";
import { uploadCodeAtOnce } from "../api/repos.ts";
import { beginCodeUpload, findUploadLimits, finishCodeUpload } from "../api/uploads.ts";
import type { Context } from "../context.ts";
import { sendInParts } from "../files/sendInParts.ts";
import { ASK_FIRST_BYTES } from "../files/upload.ts";
import { withProgress } from "../files/withProgress.ts";
import type { Diff } from "./diff.ts";

/** Refuses what the server would not take, before anything is asked or sent. */
export const checkCodeSize = async (api: Api, { size, largestText }: Diff): Promise<void> => {
  const limits = size > ASK_FIRST_BYTES ? await findUploadLimits(api) : undefined;
  if (!limits) return;
  const { max_bytes: bytes, setting } = limits;
  checkUploadSize(size, { what: "Repo diff", setting, bytes }, () => largestText);
};

export const uploadCode = async (
  ctx: Context,
  api: Api,
  { repoId, code }: { repoId: string; code: Diff },
): Promise<void> => {
  const limits = code.size > ASK_FIRST_BYTES ? await findUploadLimits(api) : undefined;
  if (!limits) return uploadCodeAtOnce(api, repoId, code);
  const { hash, size } = code;
  const wish = { repo_id: repoId, hash, size };
  await withProgress(ctx, "Uploading code", (inner, onProgress) =>
    sendInParts<true>(inner, api, {
      content: code,
      name: { hash, size },
      mostBytes: limits.part_bytes,
      begin: async () => {
        const { is_known: isKnown, offset } = await beginCodeUpload(api, wish);
        return { known: isKnown || undefined, offset };
      },
      finish: async () => (await finishCodeUpload(api, wish)).is_kept || undefined,
      onProgress,
    }),
  );
};
