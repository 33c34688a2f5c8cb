// The performer that both managers call.
import { WorkerEntrypoint } from "cloudflare:workers";

export class Noop extends WorkerEntrypoint {
  isPerformer() { return true; }
  async perform(payload: any) { return payload.n; }
}

export default { fetch: () => new Response("") };
