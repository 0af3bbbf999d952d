/** A join token can carry by which authority's certificate its coordinator is known. */
const PIN = /^(.*)\.sha256-([0-9a-f]{64})$/;

export const withPin = (token: string, fingerprint: string | undefined): string =>
  fingerprint === undefined ? token : `${token}.sha256-${fingerprint}`;

/** The token as the coordinator knows it, and the fingerprint where it carries one. */
export const splitPin = (text: string): { token: string; fingerprint: string | undefined } => {
  const [, token, fingerprint] = PIN.exec(text) ?? [];
  return token === undefined ? { token: text, fingerprint: undefined } : { token, fingerprint };
};
