/** Less may be the way there and back. */
const LEAST_SKEW_S = 60;
const PATIENCE_MS = 5_000;

const SENTENCES: Record<string, { begin: string; agreed: string }> = {
  CERT_NOT_YET_VALID: {
    begin: "its certificate is not valid yet",
    agreed: "it was made by a clock that was ahead: have it made anew over there",
  },
  CERT_HAS_EXPIRED: { begin: "its certificate has expired", agreed: "have it renewed over there" },
};

/** Whether the clock here or the certificate is at fault, where it is about time; undefined: it is not, or nobody says. */
export const clockReason = async (
  code: string,
  url: string,
  now: () => number,
): Promise<string | undefined> => {
  const said = SENTENCES[code];
  const there = said && (await askTime(url));
  if (there === undefined) return undefined;
  const skewS = Math.round((now() - there) / 1000);
  if (Math.abs(skewS) < LEAST_SKEW_S) return `${said?.begin}, and the clocks agree: ${said?.agreed}`;
  const off = `${spanOf(Math.abs(skewS))} ${skewS < 0 ? "behind" : "ahead of"}`;
  return `${said?.begin} by the clock here, which is ${off} the one over there (here it is ${textOf(now())}, there ${textOf(there)}): set whichever is wrong, for example with an NTP service (timedatectl set-ntp true)`;
};

/** Over a connection that is not to be trusted: nothing is said there, and the answer is good for a message alone. */
const askTime = async (url: string): Promise<number | undefined> => {
  try {
    const answer = await fetch(`${url}/healthcheck`, {
      tls: { rejectUnauthorized: false },
      keepalive: false,
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    await answer.body?.cancel();
    const there = Date.parse(answer.headers.get("date") ?? "");
    return Number.isNaN(there) ? undefined : there;
  } catch {
    // It answers no more: what is known already has to do.
    return undefined;
  }
};

const UNITS = [
  [86_400, "d"],
  [3600, "h"],
  [60, "min"],
] as const;

/** The two largest parts: `26 h` is `1 d 2 h`. */
const spanOf = (seconds: number): string => {
  const parts: string[] = [];
  let left = seconds;
  for (const [size, unit] of UNITS) {
    const amount = Math.floor(left / size);
    left -= amount * size;
    if (amount > 0) parts.push(`${amount} ${unit}`);
  }
  return parts.slice(0, 2).join(" ");
};

const textOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
