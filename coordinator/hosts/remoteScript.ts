/**
 * What is run on hosts is a constant, whatever the user's login shell is: it reads what is to be done from its standard
 * input, line by line, so that no value ever stands in a command, where a shell would read it and others see it.
 *
 * Lines: anything until one that says BEGIN (a password that was not asked for), then variables as NAME=VALUE and an
 * empty line, arguments and an empty line. All that follows is the script: shells read lines byte by byte, so it is not one.
 */
const BEGIN = "--dstack-begin--";

const RUNNER = [
  `while IFS= read -r l; do [ "$l" = "${BEGIN}" ] && break; done`,
  `while IFS= read -r l && [ -n "$l" ]; do export "$l"; done`,
  "set --",
  `while IFS= read -r l && [ -n "$l" ]; do set -- "$@" "$l"; done`,
  `eval "$(cat)"`,
].join("; ");

/** As whom it runs. */
export type Sudo = "none" | "free" | "password";

const COMMANDS: Record<Sudo, string> = {
  none: `exec sh -c '${RUNNER}'`,
  free: `exec sudo -n sh -c '${RUNNER}'`,
  // -k: the password is asked for and read, also where it was given a moment ago.
  password: `exec sudo -k -S -p "" sh -c '${RUNNER}'`,
};

export const commandFor = (sudo: Sudo): string => COMMANDS[sudo];

export interface RemoteScript {
  script: string;
  sudo: Sudo;
  /** With `sudo: "password"`. */
  password?: string | null;
  env?: Readonly<Record<string, string>>;
  args?: readonly string[];
}

/** What is sent to the standard input of `commandFor(sudo)`. */
export const inputFor = ({ script, sudo, password, env = {}, args = [] }: RemoteScript): string => {
  const lines = [
    ...(sudo === "password" ? [password ?? ""] : []),
    BEGIN,
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    "",
    ...args,
    "",
  ];
  const odd = lines.findIndex((line) => /[\n\r\0]/.test(line));
  if (odd !== -1) throw new Error("A value for a host has more than one line");
  if (args.includes("")) throw new Error("An argument for a host is empty");
  return `${lines.join("\n")}\n${script}\n`;
};
