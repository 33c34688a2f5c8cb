// `kiribi types` writes the real types of KIRIBI.
interface Env {
  KIRIBI: any;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.method === "POST" && pathname === "/order") {
      const order: { to: string; image: string } = await request.json();
      const mail = await env.KIRIBI.enqueue(
        "SEND_MAIL",
        { to: order.to, text: "Thank you for your order" },
        { maxRetries: 5, retryDelay: { exponential: true, base: 2 } },
      );
      const thumbnail = await env.KIRIBI.enqueue("MAKE_THUMBNAIL", { image: order.image });
      return Response.json({ mail: mail.id, thumbnail: thumbnail.id });
    }
    if (pathname.startsWith("/jobs/")) {
      return Response.json(await env.KIRIBI.find(pathname.slice("/jobs/".length)));
    }
    return new Response("POST /order or GET /jobs/:id", { status: 404 });
  },
};
