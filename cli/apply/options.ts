import { count, flag, text, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import { reverseOption } from "../attach/openReverse.ts";
import { runOptions } from "../runOptions/run.ts";

export const OFFERS_SHOWN = 3;

/** Everything that `apply` may be told, whatever the type of the configuration. */
export const applyOptions = {
  project: projectOption,
  file: value("-f, --file FILE", "The configuration; - for standard input (.dstack.yml)", text, {
    complete: "file",
  }),
  yes: flag("-y, --yes", "Do not ask"),
  force: flag("--force", "Apply even if nothing has changed"),
  detach: flag("-d, --detach", "Do not wait for what was applied"),
  verbose: flag("-v, --verbose", "Show more of the plan"),
  sshIdentity: value(
    "--ssh-identity KEY",
    "The private key that opens the run (your own of the server)",
    text,
    {
      complete: "file",
    },
  ),
  maxOffers: value("--max-offers N", `How many offers to show (${OFFERS_SHOWN})`, count),
  fullOffers: flag("--full-offers", "Offers as they are sold, not cut down to what is asked for"),
  unallocated: flag("--unallocated", "Subtract from offers what is in use"),
  repo: value("-P, --repo REPO", "A checkout here or a URL, in place of `repos`", text, {
    complete: "file",
  }),
  repoBranch: value("--repo-branch BRANCH", "The branch to check out, of a URL", text),
  repoHash: value("--repo-hash HASH", "The commit to check out, of a URL", text),
  noRepo: flag("--no-repo", "Ignore `repos` of the configuration"),
  token: value(
    "-t, --token OAUTH_TOKEN",
    "A token with which the repository is cloned, kept on the server",
    text,
  ),
  gitIdentity: value(
    "--git-identity SSH_PRIVATE_KEY",
    "A private key with which the repository is cloned, kept on the server",
    text,
    { complete: "file" },
  ),
  askSudoPassword: flag(
    "--ask-sudo-password",
    "Ask for the password of sudo on the hosts (or DSTACK_SUDO_PASSWORD)",
  ),
  keepSshKeys: flag(
    "--keep-ssh-keys",
    "Have the server keep the keys of hosts that come in, encrypted, for `dstack instance reinstall`",
  ),
  reverse: reverseOption("--reverse"),
  host: value("--host ADDRESS", "The address here that forwarded ports listen on (localhost)", text),
  ...runOptions,
};
