import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Finding, good, hint } from "./finding.ts";

interface ServiceOptions {
  uid: number;
  env: Readonly<Record<string, string | undefined>>;
  /** For tests: another place of /etc, /run and /var. */
  root?: string;
}

/** The places where install.sh puts what starts the agent. */
const UNIT = "etc/systemd/system/dstack-agent.service";
const WANTED = "etc/systemd/system/multi-user.target.wants/dstack-agent.service";
const RC_SCRIPT = "etc/init.d/dstack-agent";
const RC_WANTED = "etc/runlevels/default/dstack-agent";

const AGAIN = "Run install.sh again, with root";

/** Whether something starts the agent when the host does. */
export const checkService = ({ uid, env, root = "/" }: ServiceOptions): Finding => {
  const has = (path: string) => existsSync(join(root, path));
  if (uid !== 0) return ofUser(env, root);
  if (has("run/systemd/system")) {
    if (has(WANTED)) return good("service", "systemd starts the agent");
    return hint(
      "service",
      "systemd does not start the agent with the host",
      has(UNIT) ? "systemctl enable --now dstack-agent" : AGAIN,
    );
  }
  if (has("run/openrc")) {
    if (has(RC_WANTED)) return good("service", "OpenRC starts the agent");
    return hint(
      "service",
      "OpenRC does not start the agent with the host",
      has(RC_SCRIPT) ? "rc-update add dstack-agent default" : AGAIN,
    );
  }
  return hint(
    "service",
    "no service manager that is known: nothing starts the agent with the host",
    "Have `dstack-agent run` started at boot (in a container: as its command; else @reboot in a crontab)",
  );
};

/** A user's own services end with the last login, and begin with the first one, unless the user lingers. */
const ofUser = (
  { HOME: home = "", XDG_CONFIG_HOME: config, USER: user }: ServiceOptions["env"],
  root: string,
) => {
  const folder = config || join(home, ".config");
  const isThere = existsSync(join(root, folder, "systemd/user/default.target.wants/dstack-agent.service"));
  if (!isThere)
    return hint(
      "service",
      "nothing starts the agent of this user with the host",
      "Have `dstack-agent run` started at boot (@reboot in a crontab), or install with root",
    );
  if (user && existsSync(join(root, "var/lib/systemd/linger", user)))
    return good("service", "systemd starts the agent of this user");
  return hint("service", "the agent runs only while this user is logged in", "loginctl enable-linger");
};
