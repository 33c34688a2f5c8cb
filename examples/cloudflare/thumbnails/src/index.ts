import { WorkerEntrypoint } from "cloudflare:workers";

interface Context {
  log(message: string, level?: string): Promise<void>;
  progress(fraction: number, message?: string): Promise<void>;
}

// Its binding in the manager is MAKE_THUMBNAIL. The context may be left out.
export class MakeThumbnail extends WorkerEntrypoint {
  async perform(payload: { image: string }, context?: Context) {
    await context?.log(`reading ${payload.image}`);
    if (!payload.image.endsWith(".png")) throw new TypeError("only PNG is supported");
    await context?.progress(1, "done");
    return { thumbnail: payload.image.replace(".png", ".small.png") };
  }
}

export default { fetch: () => new Response("thumbnails") };
