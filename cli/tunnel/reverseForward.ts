import { BadValue } from "../args/option.ts";

/** A port at the job's loopback that leads to one of this machine, or of what this machine reaches. */
export interface ReverseForward {
  readonly remote: number;
  readonly host: string;
  readonly local: number;
}

const FORM = /^(\d{1,5})(?::(?:(\[[^\]]+\]|[^:]+):)?(\d{1,5}))?$/;
/** What listens below is the image's or the host's own. */
const LOWEST_REMOTE = 1_024;

/** `9000`, `9000:3000` or `9000:host:3000`. */
export const parseReverseForward = (text: string): ReverseForward => {
  const [, remoteText, host = "localhost", localText = remoteText] = FORM.exec(text) ?? [];
  if (remoteText === undefined)
    throw new BadValue(`expected REMOTE, REMOTE:LOCAL or REMOTE:HOST:LOCAL, got '${text}'`);
  const [remote, local] = [Number(remoteText), Number(localText)];
  if (remote < LOWEST_REMOTE || remote > 65_535)
    throw new BadValue(`expected a port of the job from ${LOWEST_REMOTE} to 65535, got '${remoteText}'`);
  if (local < 1 || local > 65_535) throw new BadValue(`expected a port from 1 to 65535, got '${localText}'`);
  return { remote, local, host: host.replace(/^\[(.*)\]$/, "$1") };
};
