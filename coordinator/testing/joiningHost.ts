import type { Inventory } from "../../shared/protocol/inventory.ts";
import { openSshHost, type SshHost } from "./sshHost.ts";
import type { TestCoordinator } from "./startTestCoordinator.ts";
import { TestAgent } from "./testAgent.ts";

/** What the look at a host prints. */
const SEEN = [
  ...["os=Linux", "machine=x86_64", "libc=glibc", "avx2=yes", "uid=0", "user=root", "home=/root"],
  ...["sudo=none", "tool=curl", "reach=yes", "free_root=1000000", "free_user=1000000"],
];

/** A host where nothing is run: instead of the installer's, an agent of this process joins. */
export const openJoiningHost = async (
  coordinator: TestCoordinator,
  { inventory, onJoin }: { inventory?: Partial<Inventory>; onJoin?: (agent: TestAgent) => void } = {},
): Promise<SshHost> =>
  openSshHost({
    answer: async (input) => {
      const token = /^DSTACK_JOIN_TOKEN=(.*)$/m.exec(input)?.[1];
      if (token === undefined) {
        const clock = `clock=${Math.round(Date.now() / 1000)}`;
        return [...SEEN, clock, "end=yes"].map((line) => `dstack_${line}\n`).join("");
      }
      const name = /^--name\n(.*)$/m.exec(input)?.[1] ?? "";
      const agent = await TestAgent.join(coordinator, { token, inventory: { hostname: name, ...inventory } });
      onJoin?.(agent);
      return "Joined\n";
    },
  });
