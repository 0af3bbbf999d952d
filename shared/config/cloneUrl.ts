import { AppError } from "../errors.ts";

/** What git would understand as a host to ask: never a path or helper of the machine that clones. */
const URL_FORM = /^(https?|ssh|git):\/\/[^\s/][^\s]*$/i;
/** `user@host:path`, as scp writes it. */
const SCP_FORM = /^[\w.-]+@[\w.-]+:[^\s:][^\s]*$/;

const MAX_LENGTH = 2_000;

/**
 * Refuses (`invalid`) what no host should clone: local paths, `file://`, `ext::` and the like would reach into the host
 * itself, and an option in place of a URL into git.
 */
export const checkCloneUrl = (url: string): string => {
  const isUrl = url.length <= MAX_LENGTH && (URL_FORM.test(url) || SCP_FORM.test(url));
  if (isUrl && !hasControl(url)) return url;
  throw new AppError("invalid", `Cannot clone "${withoutPassword(url).slice(0, 200)}"`, {
    hint: "Give a URL that begins with https://, ssh:// or git://, or has the form user@host:path",
  });
};

const hasControl = (text: string): boolean => [...text].some((char) => char < " " || char === "\x7f");

/** For messages and logs. */
const withoutPassword = (url: string): string => url.replace(/^(\w+:\/\/)[^@/]*@/, "$1");
