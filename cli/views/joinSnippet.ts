import type { NewJoinToken } from "../../shared/api/joinTokens.ts";

export const JOIN_FORMATS = ["shell", "cloud-init", "ansible"] as const;

type JoinFormat = (typeof JOIN_FORMATS)[number];

/** What joins hosts, in the language of whatever sets them up. Strings of JSON are strings of YAML. */
export const joinSnippet = (
  {
    fleet,
    join_command: command,
    expires_at: until,
  }: Pick<NewJoinToken, "fleet" | "join_command" | "expires_at">,
  format: JoinFormat,
): string => {
  switch (format) {
    case "shell":
      return `${command}\n`;
    case "cloud-init":
      return `#cloud-config
# Joins the fleet ${fleet} at the first boot. Hosts may join with this until ${until}.
runcmd:
  - [sh, -c, ${JSON.stringify(failing(command))}]
`;
    case "ansible":
      return `# Joins the fleet ${fleet}; hosts that have joined are left as they are. Good until ${until}.
- name: Join the dstack fleet ${fleet}
  ansible.builtin.shell:
    cmd: ${JSON.stringify(failing(command))}
    creates: /var/lib/dstack-agent/identity.json
  become: true
  no_log: true
`;
  }
};

const PIPE = " | sh -s -- ";

/** A pipe ends as its last part does: where the script did not come, nothing would seem to have failed. */
const failing = (command: string): string => {
  const at = command.indexOf(PIPE);
  const [fetch, args] = [command.slice(0, at), command.slice(at + PIPE.length)];
  return `script=$(${fetch}) && printf '%s\\n' "$script" | sh -s -- ${args}`;
};
