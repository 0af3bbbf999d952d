import type { Gateway } from "../../../shared/api/gateways.ts";
import type { Api } from "../../api/client.ts";
import { findGateway, listGateways } from "../../api/gateways.ts";
import { missing } from "../../api/missing.ts";

/** For changes, which name what they did not find in other words than `get` does. */
export const getGatewayToChange = async (api: Api, name: string): Promise<Gateway> => {
  const gateway = await findGateway(api, name);
  if (gateway) return gateway;
  throw await missing(`Gateway ${name} does not exist`, name, async (signal) =>
    (await listGateways(api, { signal })).map((each) => each.name),
  );
};
