import { type ConnectOptions, connect, type Sojourn } from "../src/client/index.ts";
import { type Gateway, startGateway } from "./gateway.ts";

/** A client of a gateway. */
export interface BehindGateway extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly sojourn: Sojourn;
}

/** A client of a gateway in front of the server at `target`. */
export async function behindGateway(target: string, options: ConnectOptions = {}): Promise<BehindGateway> {
  const gateway = await startGateway(target);
  const sojourn = connect({ ...options, url: gateway.url });
  return {
    gateway,
    sojourn,
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await sojourn.close();
    },
  };
}
